import numpy as np
import pytest

from mvmono3d.calibration.scale import floor_from_points, measure_length, scaled_rig, turned_world
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import camera_centres, rotation_from_vector, transform_from, transform_points
from tests.recordings import ring

TURN = transform_from(rotation_from_vector(np.array([0.4, -0.3, 1.0])), np.array([0.3, -2.0, 1.0]))


def bar(length_m, *, frames=200, wrong=0.3, seed=0):
    generator = np.random.default_rng(seed)
    first = generator.normal(size=(frames, 3))
    towards = generator.normal(size=(frames, 3))
    second = first + length_m * towards / np.linalg.norm(towards, axis=-1, keepdims=True)
    second += generator.normal(scale=0.002, size=second.shape)
    lost = generator.random(frames) < wrong
    return first, np.where(lost[:, None], second + generator.normal(size=second.shape), second)


def pictures(rig, points):
    return project(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world).pixels


def test_a_bar_sizes_a_world_also_where_its_ends_are_often_lost():
    first, second = bar(0.5)
    found = measure_length(first, second, np.ones(200, dtype=bool), length_m=0.6)
    assert found.factor == pytest.approx(1.2, abs=5 * found.factor_sigma + 1e-3)
    assert found.factor_sigma < 0.002
    assert not found.trusted
    assert measure_length(first, second, np.ones(200, dtype=bool), length_m=0.5).trusted


def test_a_scaled_rig_sees_a_scaled_world():
    rig, points = ring(), np.random.default_rng(0).uniform(0.0, 1.0, (20, 3))
    np.testing.assert_allclose(pictures(scaled_rig(rig, 1.7), 1.7 * points), pictures(rig, points))


def test_a_turned_world_changes_no_picture():
    rig, points = ring(), np.random.default_rng(0).uniform(0.0, 1.0, (20, 3))
    again = pictures(turned_world(rig, TURN), transform_points(TURN, points))
    np.testing.assert_allclose(again, pictures(rig, points), atol=1e-9)


def test_the_floor_becomes_zero_with_cameras_above_it():
    generator = np.random.default_rng(1)
    flat = np.concatenate(
        [generator.uniform(-1, 1, (60, 2)), generator.normal(scale=1e-3, size=(60, 1))], axis=1
    )
    off = generator.uniform(-1, 1, (6, 3)) * 0.2 + [0, 0, 0.3]
    rig, points = turned_world(ring(), TURN), transform_points(TURN, np.concatenate([flat, off]))
    new_from_old = floor_from_points(points, rig)
    at = transform_points(new_from_old, points[:60])
    assert np.abs(at[:, 2]).max() < 0.02
    assert camera_centres(turned_world(rig, new_from_old).camera_from_world)[:, 2].min() > 1.0
    np.testing.assert_allclose(new_from_old[:, :3] @ new_from_old[:, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(new_from_old[:, :3]) == pytest.approx(1.0)


def test_what_is_no_length_or_floor_is_refused():
    first, second = bar(0.5)
    line = np.linspace(0, 1, 20)[:, None] * [1.0, 2.0, 0.5]
    cloud = np.random.default_rng(0).normal(size=(50, 3))
    with pytest.raises(InvalidRecordError, match="seen in 0 frames"):
        measure_length(first, second, np.zeros(200, dtype=bool), length_m=0.5)
    with pytest.raises(InvalidRecordError, match="expected above 0"):
        measure_length(first, second, np.ones(200, dtype=bool), length_m=0.0)
    with pytest.raises(InvalidRecordError, match="lie on one line"):
        floor_from_points(line, ring())
    with pytest.raises(InvalidRecordError, match="no floor"):
        floor_from_points(cloud, ring())
    with pytest.raises(InvalidRecordError, match="2 points on the floor"):
        floor_from_points(cloud[:2], ring())
