"""What is drawn is what the pose says."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.viewer.shapes import (
    COVERED,
    as_light,
    ball,
    bone_segments,
    box_edges,
    ellipsoids,
    frusta,
    hide,
    joint_colours,
    quaternions_wxyz,
)
from tests.deploy.server.streams import SKELETON, random_actor, random_rig

UNIFORM = Rotation.random(200, rng=np.random.default_rng(0))
NEAR_PI = Rotation.from_rotvec([[np.pi, 0, 0], [0, np.pi - 1e-7, 0], [0, 0, 1e-9], [0, 0, 0]])


@pytest.mark.parametrize(
    "turns", [Rotation.random(200, rng=np.random.default_rng(0)), NEAR_PI], ids=["uniform", "special"]
)
def test_quaternions_turn_as_their_matrices_do(turns):
    found = quaternions_wxyz(turns.as_matrix())
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-12)
    back = Rotation.from_quat(found, scalar_first=True)
    np.testing.assert_allclose(back.as_matrix(), turns.as_matrix(), atol=1e-7)


def test_ellipsoids_hold_the_stated_share():
    draw = np.random.default_rng(0)
    actor = random_actor(0, draw)
    shapes = ellipsoids(actor, least_m=1e-9)
    for joint in np.flatnonzero(actor.present)[:4].tolist():
        samples = draw.multivariate_normal(
            actor.points_world[joint], actor.covariance_world[joint], size=40_000, method="cholesky"
        )
        turn = Rotation.from_quat(shapes.wxyz[joint], scalar_first=True)
        inside = turn.inv().apply(samples - shapes.position[joint]) / shapes.radius_m[joint]
        share = np.mean(np.linalg.norm(inside, axis=1) < 1.0)
        assert share == pytest.approx(COVERED, abs=4 * np.sqrt(COVERED * (1 - COVERED) / 40_000))


def test_what_is_missing_is_not_seen():
    actor = random_actor(0, np.random.default_rng(1))
    assert (ellipsoids(actor, least_m=1e-3).radius_m[~actor.present] < 1e-5).all()
    assert (hide(np.ones(len(actor.source)), actor.present)[~actor.present] < 1e-5).all()
    ends, colours = bone_segments(actor, list(SKELETON.parents))
    bones = np.array(SKELETON.bones)
    whole = actor.present[bones].all(axis=1)
    assert (ends[~whole] == 0).all()
    np.testing.assert_array_equal(ends[whole], actor.points_world[bones[whole]])
    np.testing.assert_array_equal(colours, joint_colours(actor)[bones])


def test_sources_have_colours_of_their_own():
    actor = random_actor(0, np.random.default_rng(2))
    colours = {tuple(colour) for colour in joint_colours(actor).tolist()}
    assert len(colours) == len(set(actor.source.tolist()))


def test_colours_as_light_keep_black_white_and_order():
    steps = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    light = as_light(steps)
    assert light[0].tolist() == [0, 0, 0]
    assert light[255].tolist() == [255, 255, 255]
    assert (np.diff(light[:, 0].astype(int)) >= 0).all()
    # The middle grey of a screen reflects a fifth of the light.
    assert light[119, 0] == pytest.approx(0.184 * 255, abs=1)


def test_a_ball_is_closed_round_and_turned_outwards():
    corners, faces = ball()
    np.testing.assert_allclose(np.linalg.norm(corners, axis=1), 1.0)
    a, b, c = (corners[faces[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    assert (np.einsum("fi,fi->f", normals, a + b + c) > 0).all()
    # What is closed has no net area, and nearly the volume of a sphere.
    np.testing.assert_allclose(normals.sum(axis=0), 0.0, atol=1e-12)
    volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6
    assert volume == pytest.approx(4 / 3 * np.pi, rel=0.06)


def test_a_camera_stands_where_the_world_has_it():
    rig = random_rig()
    for view, camera in enumerate(frusta(rig)):
        turn = Rotation.from_quat(camera.wxyz, scalar_first=True).as_matrix()
        np.testing.assert_allclose(turn, rig.camera_from_world[view, :, :3].T, atol=1e-7)
        origin = rig.camera_from_world[view] @ np.append(camera.position, 1.0)
        np.testing.assert_allclose(origin, 0.0, atol=1e-12)
        size = np.tan(camera.fov_rad / 2) * 2 * rig.camera.focal_px[view, 1]
        assert size == pytest.approx(rig.camera.size_px[view, 1])


def test_joints_that_are_all_missing_are_drawn_as_nothing():
    actor = random_actor(0, np.random.default_rng(3))
    nobody = replace(actor, source=np.zeros_like(actor.source))
    assert (ellipsoids(nobody, least_m=1e-3).radius_m < 1e-5).all()


def test_a_box_has_four_edges_along_each_axis():
    edges = box_edges((1.0, 2.0, 3.0))
    lengths = np.abs(edges[:, 1] - edges[:, 0])
    assert (lengths > 0).sum(axis=0).tolist() == [4, 4, 4]
    np.testing.assert_allclose(np.unique(lengths), [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(edges.reshape(-1, 3).mean(axis=0), 0.0, atol=1e-12)
