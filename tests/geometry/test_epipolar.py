import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.geometry.epipolar import (
    essential_matrices,
    essential_matrix,
    fundamental_matrix,
    ray_angle,
    ray_distance,
    sampson_distance_px,
)
from mvmono3d.geometry.projection import project, rays, to_normalised
from mvmono3d.geometry.rigid import compose, invert
from tests.geometry.rigs import gradients_are_finite, scene
from tests.tolerances import EXACT, ITERATED


def _pair(noise_px=0.0):
    points, lens, pose = scene(2, joints=30)
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    pixels = pixels + noise_px * np.random.default_rng(1).normal(size=pixels.shape)
    between = {
        "lens_first": lens[0],
        "lens_second": lens[1],
        "first_from_second": compose(pose[0], invert(pose[1])),
    }
    return points, pixels, between


def _homogeneous(points):
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)


def test_points_satisfy_the_epipolar_constraint_of_every_two_views():
    points, _, pose = scene(4)
    normalised, _ = to_normalised(points, camera_from_world=pose)
    essential = essential_matrices(pose)
    seen = _homogeneous(normalised)
    algebraic = np.einsum("ika,ijab,jkb->ijk", seen, essential, seen)
    np.testing.assert_allclose(algebraic, 0.0, atol=EXACT * 10)
    np.testing.assert_allclose(
        essential[0, 1], essential_matrix(compose(pose[0], invert(pose[1]))), atol=EXACT
    )


def test_fundamental_matrix_holds_for_undistorted_pixels():
    points, lens, pose = scene(2)
    lens[:, 4:9] = 0.0
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    fundamental = fundamental_matrix(
        compose(pose[0], invert(pose[1])), lens_first=lens[0], lens_second=lens[1]
    )
    algebraic = np.einsum("ka,ab,kb->k", _homogeneous(pixels[0]), fundamental, _homogeneous(pixels[1]))
    np.testing.assert_allclose(algebraic, 0.0, atol=ITERATED)


def test_sampson_distance_agrees_with_opencv():
    points, lens, pose = scene(2, joints=10)
    lens[:, 4:9] = 0.0
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    pixels = pixels + np.random.default_rng(2).normal(size=pixels.shape)
    first_from_second = compose(pose[0], invert(pose[1]))
    fundamental = fundamental_matrix(first_from_second, lens_first=lens[0], lens_second=lens[1])
    theirs = [
        cv2.sampsonDistance(_homogeneous(second), _homogeneous(first), fundamental)
        for first, second in zip(pixels[0], pixels[1], strict=True)
    ]
    ours = sampson_distance_px(
        pixels[0], pixels[1], lens_first=lens[0], lens_second=lens[1], first_from_second=first_from_second
    )
    np.testing.assert_allclose(ours**2, theirs, rtol=1e-6)


def test_sampson_distance_is_zero_for_one_point_and_of_the_size_of_the_noise_otherwise():
    _, pixels, between = _pair()
    np.testing.assert_allclose(sampson_distance_px(*pixels, **between), 0.0, atol=1e-6)
    _, pixels, between = _pair(noise_px=2.0)
    distance = sampson_distance_px(*pixels, **between)
    assert 1.0 < np.sqrt((distance**2).mean()) < 3.0


def test_sampson_distance_does_not_depend_on_which_view_is_first():
    _, pixels, between = _pair(noise_px=2.0)
    swapped = {
        "lens_first": between["lens_second"],
        "lens_second": between["lens_first"],
        "first_from_second": invert(between["first_from_second"]),
    }
    np.testing.assert_allclose(
        sampson_distance_px(*pixels, **between),
        sampson_distance_px(pixels[1], pixels[0], **swapped),
        atol=ITERATED,
    )


def test_sampson_distance_serves_every_pair_of_candidates_by_broadcasting():
    _, pixels, between = _pair(noise_px=2.0)
    table = sampson_distance_px(pixels[0][:, None, None], pixels[1][None, :, None], **between)[..., 0]
    assert table.shape == (30, 30)
    np.testing.assert_allclose(np.diagonal(table), sampson_distance_px(*pixels, **between), atol=EXACT)


def test_rays_of_one_point_meet_and_shifted_rays_do_not():
    points, lens, pose = scene(4)
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    origin, direction = rays(pixels, lens=lens, camera_from_world=pose)
    np.testing.assert_allclose(ray_distance(origin, direction), 0.0, atol=ITERATED)
    shift = 0.03 * np.cross(direction[0], direction[1])
    sine = np.linalg.norm(np.cross(direction[0], direction[1]), axis=-1)
    moved = np.concatenate([origin[:1] + shift, origin[1:]])
    np.testing.assert_allclose(ray_distance(moved, direction)[0, 1], 0.03 * sine, atol=ITERATED)


def test_parallel_rays_are_as_far_apart_as_their_lines():
    origin = np.array([[[0.0, 0.0, 0.0]], [[3.0, 4.0, 7.0]]])
    direction = np.array([[[0.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]]])
    np.testing.assert_allclose(ray_distance(origin, direction)[..., 0], [[0.0, 5.0], [5.0, 0.0]], atol=EXACT)


def test_ray_angles_are_symmetric_and_zero_with_themselves():
    generator = np.random.default_rng(4)
    direction = generator.normal(size=(4, 6, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    angle = ray_angle(direction)
    np.testing.assert_allclose(angle, np.swapaxes(angle, 0, 1), atol=EXACT)
    np.testing.assert_allclose(np.cos(angle), np.einsum("ika,jka->ijk", direction, direction), atol=EXACT)


def test_gradients_are_finite_also_for_a_ray_with_itself():
    origin = torch.zeros(2, 1, 3, requires_grad=True)
    direction = torch.tensor([[[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]]], requires_grad=True)
    (ray_distance(origin, direction).sum() + ray_angle(direction).sum()).backward()
    assert gradients_are_finite(origin, direction)


@given(st.lists(st.integers(0, 3), max_size=2), st.integers(1, 3), st.integers(0, 3))
def test_any_batch_shape_broadcasts(batch, views, joints):
    direction = np.broadcast_to(np.array([0.0, 0.0, 1.0]), (*batch, views, joints, 3))
    assert ray_distance(np.zeros((views, 1, 3)) + direction, direction).shape == (
        *batch,
        views,
        views,
        joints,
    )
    pose = np.broadcast_to(np.eye(3, 4), (*batch, views, 3, 4))
    assert essential_matrices(pose).shape == (*batch, views, views, 3, 3)
