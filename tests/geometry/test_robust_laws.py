"""What the robust triangulation must obey, whichever of the two implementations computes it."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.core.trajectory import MissingReason
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import compose, invert, transform_points
from mvmono3d.geometry.robust import triangulate_robust
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings
from tests.geometry.rigs import looking_at, random_pose, scene

SETTINGS = RobustSettings(sigma_px=1.0)
BOTH = pytest.mark.parametrize("triangulate", [triangulate_robust_bulk, triangulate_robust])


class Seen(NamedTuple):
    points: np.ndarray
    pixels: np.ndarray
    confidence: np.ndarray
    detected: np.ndarray
    lens: np.ndarray
    camera_from_world: np.ndarray


def see(views=4, *, joints=30, noise_px=0.0, seed=0, fisheye=()):
    points, lens, pose = scene(views, joints=joints, fisheye=fisheye, seed=seed)
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    pixels = pixels + noise_px * np.random.default_rng(seed).normal(size=pixels.shape)
    return Seen(
        points, pixels, np.ones(pixels.shape[:-1]), np.ones(pixels.shape[:-1], dtype=bool), lens, pose
    )


def solve(triangulate, seen, **changes):
    settings = changes.pop("settings", SETTINGS)
    seen = seen._replace(**changes)
    return triangulate(
        seen.pixels,
        seen.confidence,
        seen.detected,
        lens=seen.lens,
        camera_from_world=seen.camera_from_world,
        settings=settings,
    )


def all_missing(answer, reason):
    numbers = (
        answer.points_world,
        answer.covariance_world,
        answer.inlier,
        answer.agreeing,
        answer.residual_px,
    )
    return (answer.reason == reason).all() and not any(np.any(array) for array in numbers)


@BOTH
@pytest.mark.parametrize("views", [2, 3, 4, 5, 6, 9, 16])
def test_exact_detections_give_the_exact_points(triangulate, views):
    seen = see(views, fisheye=(1,))
    answer = solve(triangulate, seen)
    np.testing.assert_allclose(answer.points_world, seen.points, atol=1e-9)
    assert (answer.agreeing == views).all()
    assert answer.inlier.all()
    assert answer.residual_px.max() < 1e-5


@BOTH
def test_reordering_the_views_changes_nothing(triangulate):
    seen = see(5, noise_px=1.0)
    seen.pixels[1, ::3] += 70.0
    order = [3, 0, 4, 2, 1]
    answer = solve(triangulate, seen)
    changes = {name: getattr(seen, name)[order] for name in Seen._fields[1:]}
    reordered = solve(triangulate, seen, **changes)
    np.testing.assert_allclose(reordered.points_world, answer.points_world, atol=1e-9)
    np.testing.assert_allclose(reordered.residual_px, answer.residual_px[order], atol=1e-6)
    np.testing.assert_array_equal(reordered.inlier, answer.inlier[order])


@BOTH
def test_moving_the_world_moves_the_answer(triangulate):
    seen = see(4, noise_px=1.0)
    seen.pixels[2, ::4] -= 45.0
    answer = solve(triangulate, seen)
    new_from_old = random_pose(np.random.default_rng(3))
    moved = solve(triangulate, seen, camera_from_world=compose(seen.camera_from_world, invert(new_from_old)))
    rotation = new_from_old[:, :3]
    np.testing.assert_allclose(
        moved.points_world, transform_points(new_from_old, answer.points_world), atol=1e-9
    )
    np.testing.assert_allclose(
        moved.covariance_world, rotation @ answer.covariance_world @ rotation.T, rtol=1e-6, atol=1e-14
    )


@BOTH
@pytest.mark.parametrize("views", [4, 5, 7])
def test_one_wrong_view_is_left_out(triangulate, views):
    seen = see(views, noise_px=0.5)
    joints = np.arange(seen.points.shape[0])
    seen.pixels[joints % views, joints] += [60.0, -80.0]
    answer = solve(triangulate, seen)
    wrong = np.arange(views)[:, None] == joints % views
    np.testing.assert_array_equal(answer.inlier, ~wrong)
    assert (answer.residual_px[wrong] > 20.0).all()
    assert np.linalg.norm(answer.points_world - seen.points, axis=-1).max() < 5e-3


@BOTH
def test_two_against_two_is_a_contradiction(triangulate):
    seen = see(4)
    elsewhere = project(
        seen.points + np.array([0.1, -0.05, 0.08]), lens=seen.lens, camera_from_world=seen.camera_from_world
    )
    pixels = np.concatenate([seen.pixels[:2], elsewhere.pixels[2:]])
    assert all_missing(solve(triangulate, seen, pixels=pixels), MissingReason.CONTRADICTION)


@BOTH
def test_three_against_three_is_a_contradiction_and_four_against_two_is_not(triangulate):
    seen = see(6)
    elsewhere = project(
        seen.points + np.array([0.1, 0.0, 0.0]), lens=seen.lens, camera_from_world=seen.camera_from_world
    )
    torn = np.concatenate([seen.pixels[:3], elsewhere.pixels[3:]])
    assert all_missing(solve(triangulate, seen, pixels=torn), MissingReason.CONTRADICTION)
    leaning = np.concatenate([seen.pixels[:4], elsewhere.pixels[4:]])
    answer = solve(triangulate, seen, pixels=leaning)
    np.testing.assert_allclose(answer.points_world, seen.points, atol=1e-6)
    assert (answer.agreeing == 4).all()


@BOTH
def test_two_rays_that_miss_each_other_are_a_contradiction(triangulate):
    seen = see(2)
    # Across the epipolar line: up in an image whose cameras stand beside each other.
    pixels = seen.pixels + np.array([[[0.0, 40.0]], [[0.0, -40.0]]])
    assert all_missing(solve(triangulate, seen, pixels=pixels), MissingReason.CONTRADICTION)


@BOTH
@pytest.mark.parametrize("left", [0, 1])
def test_fewer_than_two_views_give_no_point(triangulate, left):
    seen = see(4)
    detected = np.zeros_like(seen.detected)
    detected[:left] = True
    assert all_missing(solve(triangulate, seen, detected=detected), MissingReason.TOO_FEW_VIEWS)
    confidence = np.where(detected, 1.0, 0.0)
    assert all_missing(solve(triangulate, seen, confidence=confidence), MissingReason.TOO_FEW_VIEWS)


@BOTH
def test_a_point_behind_its_cameras_is_no_point(triangulate):
    seen = see(2)
    # Each camera turned about its own vertical: what was ahead lies behind, upside down in the image.
    turned = np.diag([-1.0, 1.0, -1.0])
    pixels = seen.pixels.copy()
    pixels[..., 1] = 2 * seen.lens[:, None, 3] - pixels[..., 1]
    answer = solve(triangulate, seen, pixels=pixels, camera_from_world=turned @ seen.camera_from_world)
    assert all_missing(answer, MissingReason.DEGENERATE)


@BOTH
def test_parallel_rays_are_degenerate(triangulate):
    seen = see(2, joints=1)
    pose = np.stack(
        [looking_at(np.array([0.1 * side, -2.0, 1.0]), np.array([0.1 * side, 5.0, 1.0])) for side in (0, 1)]
    )
    pixels = seen.lens[:, None, 2:4].copy()
    answer = solve(triangulate, seen, pixels=pixels, camera_from_world=pose)
    assert all_missing(answer, MissingReason.DEGENERATE)


@BOTH
def test_rays_that_meet_below_the_least_angle_are_degenerate(triangulate):
    seen = see(2)
    away = np.array([30.0, 0.0, 0.0])
    pose = np.stack([looking_at(away + np.array([0.0, 0.1 * side, 0.0]), np.zeros(3)) for side in (-1, 1)])
    pixels = project(seen.points, lens=seen.lens, camera_from_world=pose).pixels
    answer = solve(triangulate, seen, pixels=pixels, camera_from_world=pose)
    assert all_missing(answer, MissingReason.DEGENERATE)
    wide = solve(
        triangulate, seen, pixels=pixels, camera_from_world=pose, settings=RobustSettings(min_angle_deg=0.1)
    )
    np.testing.assert_allclose(wide.points_world, seen.points, atol=1e-5)


@BOTH
def test_two_cameras_at_one_place_are_one_view(triangulate):
    seen = see(3)
    twin = [0, 0, 1]
    changes = {name: getattr(seen, name)[twin] for name in Seen._fields[1:]}
    answer = solve(triangulate, seen, **changes)
    assert (answer.agreeing == 2).all()
    alone = {name: array[:2] for name, array in changes.items()}
    assert all_missing(solve(triangulate, seen, **alone), MissingReason.TOO_FEW_VIEWS)


@BOTH
def test_pixels_that_are_no_numbers_spoil_only_their_own_view(triangulate):
    seen = see(4, noise_px=0.3)
    pixels = seen.pixels.copy()
    pixels[1, 3], pixels[2, 5], pixels[0, 7] = np.nan, np.inf, 1e300
    answer = solve(triangulate, seen, pixels=pixels)
    untouched = solve(triangulate, seen)
    assert np.isfinite(answer.points_world).all()
    assert (answer.agreeing[[3, 5, 7]] == 3).all()
    others = np.setdiff1d(np.arange(30), [3, 5, 7])
    np.testing.assert_array_equal(answer.points_world[others], untouched.points_world[others])


@BOTH
def test_a_padded_view_changes_nothing(triangulate):
    seen = see(4, noise_px=1.0)
    answer = solve(triangulate, seen)
    changes = {
        name: np.concatenate([getattr(seen, name), np.zeros_like(getattr(seen, name)[:1])])
        for name in Seen._fields[1:]
    }
    padded = solve(triangulate, seen, **changes)
    np.testing.assert_allclose(padded.points_world, answer.points_world, atol=1e-12)
    np.testing.assert_array_equal(padded.agreeing, answer.agreeing)


@BOTH
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), views=st.integers(1, 6))
def test_whatever_is_marked_solved_is_finite_and_whatever_is_missing_is_zero(triangulate, seed, views):
    generator = np.random.default_rng(seed)
    joints = 200
    wild = 10.0 ** generator.uniform(-1, 5, (views, joints, 1)) * generator.normal(size=(views, joints, 2))
    seen = see(views, joints=joints, noise_px=1.0, seed=seed % 1000)
    pixels = np.where(generator.random((views, joints, 1)) < 0.5, wild, seen.pixels)
    pixels[generator.random(pixels.shape) < 0.02] = np.nan
    answer = solve(
        triangulate,
        seen,
        pixels=pixels,
        confidence=generator.random((views, joints)),
        detected=generator.random((views, joints)) < 0.8,
    )
    solved = answer.reason == MissingReason.NONE
    for array in answer:
        assert np.isfinite(array).all()
    assert not answer.points_world[~solved].any()
    assert not answer.covariance_world[~solved].any()
    assert (answer.agreeing[solved] >= 2).all()
    assert (np.linalg.eigvalsh(answer.covariance_world[solved]) > 0).all()
    gate = SETTINGS.refine_gates[-1] * SETTINGS.sigma_px
    assert (answer.residual_px[answer.inlier] < gate).all()


def test_three_agreeing_views_are_practically_never_wrong():
    seen = see(4, joints=20_000, noise_px=0.5)
    generator = np.random.default_rng(1)
    for wrong in (2, 3, 4):
        pixels = seen.pixels.copy()
        pixels[:wrong] += generator.uniform(-300, 300, pixels[:wrong].shape)
        answer = solve(triangulate_robust_bulk, seen, pixels=pixels, settings=RobustSettings(sigma_px=0.5))
        far = np.linalg.norm(answer.points_world - seen.points, axis=-1) > 0.02
        assert np.mean(far & (answer.agreeing >= 3)) <= 1e-4


def test_one_wrong_view_of_four_costs_no_joint():
    seen = see(4, joints=20_000, noise_px=0.5)
    seen.pixels[0] += np.random.default_rng(2).uniform(-150, 150, seen.pixels[0].shape)
    answer = solve(triangulate_robust_bulk, seen)
    far = np.linalg.norm(answer.points_world - seen.points, axis=-1)
    assert np.mean((answer.reason == 0) & (far < 5e-3)) >= 0.995
    assert np.mean((answer.reason == 0) & (far > 2e-2)) <= 1e-4


def test_more_views_than_a_set_can_hold_are_refused():
    seen = see(63, joints=1)
    with pytest.raises(InvalidRecordError, match="at most 62"):
        solve(triangulate_robust_bulk, seen)
