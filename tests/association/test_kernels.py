"""The kernels against the geometry of all, and against the same thing said in numpy."""

import numpy as np
import pytest

from mvmono3d.association.fuse_kernel import triangulate_fresh
from mvmono3d.association.reward_kernel import reward
from mvmono3d.association.sight_kernel import inverse3, look, see
from mvmono3d.association.watch import make_watch
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.lens import undistort
from mvmono3d.geometry.projection import project, projection_jacobian, to_normalised
from mvmono3d.geometry.triangulation import triangulate
from tests.recordings import recording

BODY = load_skeleton("body17")


@pytest.fixture(scope="module")
def made():
    return recording(frames=2, noise_px=2.0)


@pytest.fixture(scope="module")
def sight(made):
    seen = made.observations
    watch = make_watch(made.rig, BODY)
    return watch, see(
        seen.pixels[0][:, None], seen.confidence[0][:, None], seen.detected[0][:, None], watch.eyes.cameras
    )


def test_straight_coordinates_are_those_of_the_lens(made, sight):
    expected = undistort(made.observations.pixels[0], made.rig.camera.lens)
    np.testing.assert_allclose(sight[1][:, 0, :, :2], expected, atol=1e-7)


def test_looking_at_a_point_is_projection(made, sight):
    watch, points = sight[0], made.points[0]
    cameras = {"camera_from_world": made.rig.camera_from_world}
    place, _ = to_normalised(points, **cameras)
    slope = projection_jacobian(points, lens=made.rig.camera.lens, **cameras)
    for view in range(4):
        for joint, point in enumerate(points):
            jacobian = np.zeros((2, 3))
            x, y, ahead = look(watch.eyes.cameras[view], point, jacobian)
            assert ahead
            np.testing.assert_allclose((x, y), place[view, joint], atol=1e-12)
            np.testing.assert_allclose(jacobian, slope[view, joint], rtol=1e-9, atol=1e-9)


def test_a_point_behind_a_camera_is_not_seen(made, sight):
    behind = -made.rig.camera_from_world[0, :, :3].T @ (
        made.rig.camera_from_world[0, :, 3] + np.array([0.0, 0.0, 1.0])
    )
    assert not look(sight[0].eyes.cameras[0], behind, np.zeros((2, 3)))[2]


def test_the_inverse_is_numpys(made):
    root = np.random.default_rng(0).normal(size=(50, 3, 3))
    for matrix in root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(3):
        out = np.empty((3, 3))
        assert inverse3(matrix, out)
        np.testing.assert_allclose(out, np.linalg.inv(matrix), rtol=1e-8)
    assert not inverse3(np.zeros((3, 3)), np.empty((3, 3)))


def test_fresh_joints_are_triangulated_like_all(made, sight):
    watch, straight = sight
    weights = straight[:, 0, :, 2]
    expected = triangulate(
        made.observations.pixels[0],
        weights,
        lens=made.rig.camera.lens,
        camera_from_world=made.rig.camera_from_world,
    )
    for joint in range(17):
        point, spread = np.zeros(3), np.zeros((3, 3))
        assert triangulate_fresh(straight[:, 0, joint].copy(), watch.eyes, 16.0, point, spread)
        np.testing.assert_allclose(point, expected.points_world[joint], atol=1e-3)


def test_a_view_that_contradicts_three_others_is_left_out(sight):
    watch, straight = sight
    good, point, spread = straight[:, 0, 5].copy(), np.zeros(3), np.zeros((3, 3))
    triangulate_fresh(good, watch.eyes, 16.0, point, spread)
    bad, moved = good.copy(), np.zeros(3)
    bad[2, :2] += 0.2
    assert triangulate_fresh(bad, watch.eyes, 16.0, moved, spread)
    assert np.linalg.norm(moved - point) < 0.02


def test_what_candidates_say_is_the_log_likelihood_cut_at_nothing(made, sight):
    watch, straight = sight
    points, variance = made.points[0] + 0.01, watch.eyes.variance
    spread = np.broadcast_to(1e-4 * np.eye(3), (1, 4, 17, 3, 3)).copy()
    of_views = np.broadcast_to(points, (1, 4, 17, 3)).copy()
    said, could, swapped = reward(
        of_views, spread, np.ones((1, 17), dtype=bool), straight, watch.eyes, watch.limbs, watch.numbers
    )
    cameras = {"lens": made.rig.camera.lens, "camera_from_world": made.rig.camera_from_world}
    slope = projection_jacobian(points, **cameras)
    place, _ = to_normalised(points, camera_from_world=made.rig.camera_from_world)
    away = (place - straight[:, 0, :, :2]) * made.rig.camera.focal_px[:, None]
    around = 1e-4 * slope @ np.swapaxes(slope, -1, -2) + variance[:, None, None, None] * np.eye(2)
    distance2 = np.einsum("vki,vkij,vkj->vk", away, np.linalg.inv(around), away)
    most = watch.numbers.gate - np.log(np.linalg.det(around) / variance[:, None] ** 2)
    weight = straight[:, 0, :, 2]
    np.testing.assert_allclose(could[0, :, 0], (weight * most).sum(axis=1), rtol=1e-9)
    as_is = (weight * np.maximum(most - distance2, 0.0)).sum(axis=1)
    assert (said[0, :, 0] >= as_is - 1e-9).all()
    plain = ~swapped[0, :, 0].any(axis=1)
    assert plain.any()
    np.testing.assert_allclose(said[0, plain, 0], as_is[plain], rtol=1e-9)


def test_projecting_what_was_triangulated_stays_within_the_noise(made, sight):
    watch, straight = sight
    point, spread = np.zeros(3), np.zeros((3, 3))
    triangulate_fresh(straight[:, 0, 0].copy(), watch.eyes, 16.0, point, spread)
    there = project(
        point[None], lens=made.rig.camera.lens, camera_from_world=made.rig.camera_from_world
    ).pixels[:, 0]
    assert np.linalg.norm(there - made.observations.pixels[0, :, 0], axis=1).max() < 8.0
