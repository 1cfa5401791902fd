from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import compose, invert, transform_points
from mvmono3d.geometry.triangulation import triangulate, triangulate_dlt
from tests.geometry.rigs import gradients_are_finite, lenses, looking_at, random_pose, scene, to_torch
from tests.tolerances import EXACT, FLOAT32_M, ITERATED


def _seen(
    views=4, *, noise_px=0.0, fisheye=(), batch=(), joints=7, seed=0
) -> tuple[Any, Any, Any, dict[str, Any]]:
    points, lens, pose = scene(views, batch=batch, joints=joints, fisheye=fisheye, seed=seed)
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    pixels = pixels + noise_px * np.random.default_rng(seed + 1).normal(size=pixels.shape)
    return points, pixels, np.ones(pixels.shape[:-1]), {"lens": lens, "camera_from_world": pose}


@pytest.mark.parametrize("views", [2, 3, 4, 8])
def test_triangulating_a_projection_gives_the_points_back(views):
    points, pixels, weights, rig = _seen(views, fisheye=(1,), batch=(3,))
    solved = triangulate(pixels, weights, **rig)
    assert solved.solved.all()
    np.testing.assert_allclose(solved.points_world, points, atol=ITERATED)
    np.testing.assert_allclose(triangulate_dlt(pixels, weights, **rig), points, atol=ITERATED)


def test_float32_is_precise_at_metre_scale():
    points, pixels, weights, rig = _seen(4, fisheye=(1,), batch=(50,))
    rig = {name: array.astype(np.float32) for name, array in rig.items()}
    solved = triangulate(pixels.astype(np.float32), weights.astype(np.float32), **rig)
    assert solved.points_world.dtype == solved.information.dtype == np.float32
    assert solved.solved.all()
    np.testing.assert_allclose(solved.points_world, points, atol=FLOAT32_M)


def test_the_answer_minimises_the_pixel_residual():
    from scipy.optimize import least_squares

    _, pixels, _, rig = _seen(4, noise_px=2.0, joints=5)
    rig["lens"][:, 4:9] = 0.0
    weights = np.random.default_rng(9).uniform(0.1, 2.0, size=pixels.shape[:-1])
    ours = triangulate(pixels, weights, **rig).points_world
    for joint in range(5):

        def residual(point, joint=joint):
            predicted = project(point[None], **rig).pixels[:, 0]
            return (np.sqrt(weights[:, joint, None]) * (predicted - pixels[:, joint])).ravel()

        best = least_squares(residual, ours[joint] + 0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        np.testing.assert_allclose(ours[joint], best.x, atol=1e-7)


def test_dlt_and_normal_equations_agree_to_second_order_in_the_noise():
    points, pixels, weights, rig = _seen(4, noise_px=1.0, batch=(50,))
    gap = triangulate(pixels, weights, **rig).points_world - triangulate_dlt(pixels, weights, **rig)
    error = triangulate(pixels, weights, **rig).points_world - points
    assert np.abs(gap).max() < 0.5 * np.abs(error).max()
    assert np.sqrt((error**2).mean()) < 2e-3


def test_moving_the_world_moves_the_answer_with_it():
    _, pixels, weights, rig = _seen(4, noise_px=1.0)
    new_from_world = random_pose(np.random.default_rng(3))
    here = triangulate(pixels, weights, **rig)
    moved_rig = {**rig, "camera_from_world": compose(rig["camera_from_world"], invert(new_from_world))}
    there = triangulate(pixels, weights, **moved_rig)
    np.testing.assert_allclose(
        there.points_world, transform_points(new_from_world, here.points_world), atol=ITERATED
    )
    turn = new_from_world[:, :3]
    np.testing.assert_allclose(there.information, turn @ here.information @ turn.T, rtol=1e-6, atol=1e-3)


def test_the_order_of_the_cameras_does_not_matter():
    _, pixels, weights, rig = _seen(5, noise_px=1.0)
    order = [3, 0, 4, 1, 2]
    shuffled = {name: array[order] for name, array in rig.items()}
    one = triangulate(pixels, weights, **rig)
    other = triangulate(pixels[order], weights[order], **shuffled)
    np.testing.assert_allclose(one.points_world, other.points_world, atol=EXACT * 10)


def test_more_views_of_equal_noise_help_and_noise_free_views_never_hurt():
    points, pixels, weights, rig = _seen(8, noise_px=1.0, batch=(200,))
    errors = []
    for views in (2, 4, 8):
        few = {name: array[:views] for name, array in rig.items()}
        answer = triangulate(pixels[:, :views], weights[:, :views], **few).points_world
        errors.append(np.linalg.norm(answer - points, axis=-1).mean())
    assert errors[0] > errors[1] > errors[2]
    clean = project(points, **rig).pixels
    for views in (2, 4, 8):
        few = {name: array[:views] for name, array in rig.items()}
        answer = triangulate(clean[:, :views], weights[:, :views], **few).points_world
        np.testing.assert_allclose(answer, points, atol=ITERATED)


def test_a_view_of_weight_zero_is_as_good_as_absent():
    _, pixels, weights, rig = _seen(4, noise_px=1.0)
    weights[2] = 0.0
    pixels[2] = 1e4
    kept = [0, 1, 3]
    fewer = {name: array[kept] for name, array in rig.items()}
    np.testing.assert_allclose(
        triangulate(pixels, weights, **rig).points_world,
        triangulate(pixels[kept], weights[kept], **fewer).points_world,
        atol=ITERATED,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("views_used", [0, 1])
def test_too_few_views_give_zero_and_no_information(views_used, dtype):
    _, pixels, weights, rig = _seen(4, noise_px=1.0, batch=(100,))
    weights[:, views_used:] = 0.0
    rig = {name: array.astype(dtype) for name, array in rig.items()}
    solved = triangulate(pixels.astype(dtype), weights.astype(dtype), **rig)
    assert not solved.solved.any()
    assert (solved.points_world == 0).all()
    assert (solved.information == 0).all()
    assert (
        triangulate_dlt(pixels, weights, lens=rig["lens"], camera_from_world=rig["camera_from_world"]) == 0
    ).all()


def test_two_cameras_at_one_place_are_too_few():
    _, pixels, weights, rig = _seen(2)
    twice = {name: array[[0, 0]] for name, array in rig.items()}
    assert not triangulate(pixels[[0, 0]], weights, **twice).solved.any()


def test_padded_cameras_of_zeros_change_nothing():
    _, pixels, weights, rig = _seen(4, noise_px=1.0)
    padded: dict[str, Any] = {
        name: np.concatenate([array, np.zeros_like(array[:2])]) for name, array in rig.items()
    }
    padded_pixels = np.concatenate([pixels, np.zeros_like(pixels[:2])])
    padded_weights = np.concatenate([weights, np.zeros_like(weights[:2])])
    np.testing.assert_allclose(
        triangulate(padded_pixels, padded_weights, **padded).points_world,
        triangulate(pixels, weights, **rig).points_world,
        atol=ITERATED,
    )


def test_cameras_at_very_different_distances_count_by_their_pixels():
    target = np.array([0.0, 0.0, 1.0])
    centres = np.array([[0.4, 0, 1.1], [0, 0.5, 1.2], [6.0, 0.5, 2.0], [0.3, -7.0, 2.0]])
    pose = np.stack([looking_at(centre, target) for centre in centres])
    lens = lenses(4)
    points = target + 0.1 * np.random.default_rng(0).normal(size=(300, 3))
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    pixels = pixels + np.random.default_rng(1).normal(size=pixels.shape)
    answer = triangulate(pixels, np.ones((4, 300)), lens=lens, camera_from_world=pose).points_world
    near = triangulate(pixels[:2], np.ones((2, 300)), lens=lens[:2], camera_from_world=pose[:2]).points_world
    # The far pair holds half a per cent of the information: it can't harm, nor help beyond that.
    ratio = np.linalg.norm(answer - points, axis=-1).mean() / np.linalg.norm(near - points, axis=-1).mean()
    assert 0.97 < ratio < 1.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outliers_never_make_an_answer_infinite(dtype):
    _, pixels, weights, rig = _seen(4, noise_px=500.0, batch=(500,))
    rig = {name: array.astype(dtype) for name, array in rig.items()}
    solved = triangulate(pixels.astype(dtype), weights.astype(dtype), **rig)
    assert np.isfinite(solved.points_world).all()
    assert np.isfinite(solved.information).all()


def test_gauss_newton_never_raises_the_cost():
    _, pixels, weights, rig = _seen(4, noise_px=60.0, batch=(300,))
    rig["lens"][:, 4:9] = 0.0
    costs = []
    for steps in (0, 1, 3, 6):
        answer = triangulate(pixels, weights, steps=steps, **rig)
        predicted = project(answer.points_world, **rig).pixels
        costs.append(np.where(answer.solved, ((predicted - pixels) ** 2).sum((-1, -3)), 0.0))
    for before, after in pairwise(costs):
        assert (after <= before * (1 + 1e-4)).mean() > 0.995


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("views_used", [0, 1, 2])
def test_a_prior_solves_joints_with_too_few_views(views_used, dtype):
    points, pixels, weights, rig = _seen(4, batch=(20,))
    weights[:, views_used:] = 0.0
    rig = {name: array.astype(dtype) for name, array in rig.items()}
    solved = triangulate(
        pixels.astype(dtype),
        weights.astype(dtype),
        prior_points=points.astype(dtype),
        prior_precision=np.full(points.shape[:-1], 1.0, dtype=dtype),
        **rig,
    )
    assert solved.solved.all()
    np.testing.assert_allclose(solved.points_world, points, atol=1e-4 if dtype == np.float32 else ITERATED)


def test_a_prior_pulls_along_the_ray_alone_when_one_view_sees_the_joint():
    points, pixels, weights, rig = _seen(1)
    wrong = points + np.array([0.05, -0.03, 0.04])
    answer = triangulate(
        pixels, weights, prior_points=wrong, prior_precision=np.full(points.shape[:-1], 100.0), **rig
    )
    predicted = project(answer.points_world, **rig).pixels
    np.testing.assert_allclose(predicted, pixels, atol=0.1)
    assert (np.linalg.norm(answer.points_world - wrong, axis=-1) > 1e-3).all()


def test_a_prior_of_precision_zero_is_no_prior():
    points, pixels, weights, rig = _seen(4, noise_px=1.0)
    without = triangulate(pixels, weights, **rig)
    with_zero = triangulate(
        pixels, weights, prior_points=points * 0, prior_precision=np.zeros(points.shape[:-1]), **rig
    )
    np.testing.assert_allclose(with_zero.points_world, without.points_world, atol=EXACT)


def test_torch_equals_numpy():
    _, pixels, weights, rig = _seen(4, noise_px=1.0, fisheye=(1,), batch=(3,))
    ours = triangulate(pixels, weights, **rig)
    tensors = to_torch(pixels, weights, rig["lens"], rig["camera_from_world"])
    theirs = triangulate(tensors[0], tensors[1], lens=tensors[2], camera_from_world=tensors[3])
    np.testing.assert_allclose(theirs.points_world.numpy(), ours.points_world, atol=ITERATED)
    np.testing.assert_allclose(theirs.information.numpy(), ours.information, rtol=1e-7, atol=1e-3)
    reference = triangulate_dlt(tensors[0], tensors[1], lens=tensors[2], camera_from_world=tensors[3])
    np.testing.assert_allclose(reference.numpy(), triangulate_dlt(pixels, weights, **rig), atol=ITERATED)


def test_gradients_are_right_in_pixels_weights_and_prior():
    points, pixels, weights, rig = _seen(3, noise_px=0.5, joints=2)
    lens, pose = to_torch(rig["lens"], rig["camera_from_world"])
    inputs = to_torch(pixels / 1000, weights, points + 0.01, np.full(2, 1000.0))

    def points_of(pixels, weights, prior, precision):
        return triangulate(
            pixels * 1000,
            weights,
            lens=lens,
            camera_from_world=pose,
            prior_points=prior,
            prior_precision=precision,
        ).points_world

    assert torch.autograd.gradcheck(points_of, [value.requires_grad_() for value in inputs], atol=1e-6)


def test_gradients_are_finite_where_nothing_is_seen():
    _, pixels, weights, rig = _seen(4, joints=6)
    weights[:] = 0.0
    weights[:1, 1] = 1.0
    weights[:2, 2] = 1.0
    pixels[:, 3:] = 0.0
    for dtype in (torch.float32, torch.float64):
        inputs = to_torch(pixels, weights, rig["lens"], rig["camera_from_world"], dtype=dtype)
        for value in inputs:
            value.requires_grad_()
        solved = triangulate(inputs[0], inputs[1], lens=inputs[2], camera_from_world=inputs[3])
        (solved.points_world.sum() + solved.information.sum()).backward()
        assert gradients_are_finite(*inputs)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=3), st.booleans(), st.integers(1, 4), st.integers(0, 3))
def test_any_batch_shape_broadcasts(batch, shared, views, joints):
    _, lens, pose = scene(views)
    if not shared:
        lens = np.broadcast_to(lens, (*batch, views, 10))
    solved = triangulate(
        np.full((*batch, views, joints, 2), 600.0),
        np.ones((views, joints)),
        lens=lens,
        camera_from_world=pose,
        prior_points=np.zeros((joints, 3)),
        prior_precision=np.ones((joints,)),
    )
    assert solved.points_world.shape == (*batch, joints, 3)
    assert solved.information.shape == (*batch, joints, 3, 3)
    assert solved.solved.shape == (*batch, joints)
