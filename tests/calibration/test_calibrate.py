"""Laws of a whole calibration, on boards with known truth."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mvmono3d.calibration.accuracy import expected_accuracy
from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.held_out import dealt
from mvmono3d.calibration.reprojection import Estimate
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration, CalibrationSettings
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError, UnknownNameError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import camera_centres, compose, invert, transform_points
from mvmono3d.geometry.triangulation import triangulate
from tests.calibration.boards import Truth, make

FULL = CalibrationSettings(models=("pinhole5",), folds=3, grid_steps=3)
SEEDS = (0, 1, 2)
POINTS = np.random.default_rng(9).uniform(-0.25, 0.25, (500, 3)) + np.array([0.0, 0.0, 0.1])
EACH_SEED = pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS[1:])]
)


@cache
def solved(seed: int) -> tuple[Truth, Calibration]:
    truth = make(seed=seed)
    return truth, calibrate(truth.sightings, settings=FULL)


def error_3d_mm(truth: Rig, found: Rig) -> float:
    """RMS error of points of the volume, seen without noise, after rigid alignment."""
    points = POINTS
    pixels = project(points, lens=truth.camera.lens, camera_from_world=truth.camera_from_world).pixels
    camera = found.camera.lens
    seen = triangulate(
        pixels, np.ones(pixels.shape[:-1]), lens=camera, camera_from_world=found.camera_from_world, steps=5
    ).points_world
    middle, other = seen.mean(axis=0), points.mean(axis=0)
    left, _, right = np.linalg.svd((seen - middle).T @ (points - other))
    turned = (points - other) @ (left @ right).T
    return 1e3 * float(np.sqrt(np.mean(np.sum((turned - (seen - middle)) ** 2, axis=-1))))


@EACH_SEED
def test_a_rig_measures_to_a_tenth_of_a_millimetre(seed):
    truth, found = solved(seed)
    assert error_3d_mm(truth.rig, found.rig) <= 0.12


@EACH_SEED
def test_residuals_tell_the_noise(seed):
    _, found = solved(seed)
    np.testing.assert_allclose(found.sigma_px, 0.2, rtol=0.06)
    assert found.outlier.sum() <= 5
    # Two axes; more where only held-out boards reach the corners of an image.
    np.testing.assert_allclose(found.held_out.rms_px, 0.2 * np.sqrt(2.0), rtol=0.2)


@pytest.mark.slow
def test_lenses_lie_as_far_from_the_truth_as_their_covariance_says():
    squared, count = 0.0, 0
    for seed in SEEDS:
        truth, found = solved(seed)
        places = (15 * np.arange(4)[:, None] + np.arange(9)).ravel()
        difference = (found.rig.camera.lens - truth.rig.camera.lens)[:, :9].ravel()
        covariance = found.covariance.cameras[np.ix_(places, places)]
        squared += difference @ np.linalg.solve(covariance, difference)
        count += len(places)
    assert 0.6 < squared / count < 1.5


@EACH_SEED
def test_the_expected_error_is_the_error(seed):
    truth, found = solved(seed)
    estimate = Estimate(
        lens=found.rig.camera.lens,
        camera_from_world=found.rig.camera_from_world,
        world_from_board=found.world_from_board,
    )
    # The points that `error_3d_mm` takes, carried over by the board that both worlds hold.
    true_from_board = truth.estimate.world_from_board[:1]
    carried = compose(found.world_from_board[:1], invert(true_from_board))[0]
    expected = expected_accuracy(
        estimate,
        transform_points(carried, POINTS),
        covariance=found.covariance.cameras,
        sigma_px=found.sigma_px,
        size_px=truth.rig.camera.size_px,
    ).from_calibration_m
    assert 0.4 < error_3d_mm(truth.rig, found.rig) / (1e3 * np.sqrt(np.mean(expected**2))) < 2.5


def test_board_poses_are_told_in_the_world_of_the_rig():
    truth, found = solved(0)
    sightings = truth.sightings
    points = transform_points(found.world_from_board, sightings.corners_m)
    at = project(points, lens=found.rig.camera.lens, camera_from_world=found.rig.camera_from_world).pixels
    np.testing.assert_allclose(
        (at - sightings.pixels)[sightings.seen], found.residual_px[sightings.seen], atol=1e-6
    )
    assert camera_centres(found.rig.camera_from_world)[:, 2].mean() > 0.0


def test_the_order_of_cameras_and_poses_does_not_matter():
    truth = make(seed=3, poses=16)
    found = calibrate(truth.sightings, settings=FULL)
    views, poses = np.array([2, 0, 3, 1]), np.random.default_rng(3).permutation(16)
    other = calibrate(_ordered(truth.sightings, views, poses), settings=FULL)
    back = other.rig.select(truth.sightings.cameras)
    np.testing.assert_allclose(back.camera_from_world, found.rig.camera_from_world, atol=1e-4)
    np.testing.assert_allclose(back.camera.lens, found.rig.camera.lens, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(other.world_from_board, found.world_from_board[poses], atol=1e-4)
    np.testing.assert_allclose(other.held_out.error_m, found.held_out.error_m[poses], atol=1e-5)


@pytest.mark.slow
def test_a_tenth_of_wrong_corners_changes_nothing_that_matters():
    truth = make(seed=0, outliers=0.1)
    found = calibrate(truth.sightings, settings=FULL)
    assert error_3d_mm(truth.rig, found.rig) <= 0.12
    assert 0.09 < found.outlier.sum() / truth.sightings.seen.sum() < 0.11
    np.testing.assert_allclose(found.sigma_px, 0.2, rtol=0.1)


def test_cameras_that_share_no_board_are_joined_over_others():
    truth = make(seed=4, poses=36, noise_px=0.1)
    chain = truth.sightings.seen & _pairs(36, ((0, 1), (1, 2), (2, 3)))[..., None]
    found = calibrate(replace(truth.sightings, seen=chain), settings=FULL)
    assert error_3d_mm(truth.rig, found.rig) <= 0.5
    # As many folds as pairs that take turns: no camera may lose all its boards to one of them.
    assert (found.held_out.rms_px > 0.1).all()
    assert (found.held_out.rms_px < 0.4).all()


def test_folds_leave_every_camera_boards_and_one_that_can_not_be_judged_is_refused():
    turns = np.stack([np.arange(36) % 3 != view for view in range(3)], axis=1)
    fold = dealt(turns, 3)
    for view in range(3):
        assert (np.bincount(fold[turns[:, view]], minlength=3) == 8).all()
    turns[:, 2] = np.arange(36) == 7
    with pytest.raises(InvalidRecordError, match=r"camera 2 .* sees 1 boards"):
        dealt(turns, 3)


def test_parts_that_share_no_board_are_named():
    truth = make(seed=4, poses=24)
    apart = truth.sightings.seen & _pairs(24, ((0, 2), (1, 3)))[..., None]
    with pytest.raises(InvalidRecordError, match=r"2 parts .*: cam0 cam2 \| cam1 cam3"):
        calibrate(replace(truth.sightings, seen=apart), settings=FULL)


def test_a_camera_that_sees_too_little_is_named():
    truth = make(seed=4, poses=12)
    seen = np.array(truth.sightings.seen)
    seen[2:, 1] = False
    with pytest.raises(InvalidRecordError, match="camera 'cam1' sees the board well in"):
        calibrate(replace(truth.sightings, seen=seen), settings=FULL)


def test_an_unknown_world_pose_is_refused():
    truth, _ = solved(0)
    with pytest.raises(UnknownNameError, match="no board pose 'floor'"):
        calibrate(truth.sightings, settings=replace(FULL, world_pose="floor"))


def test_a_world_pose_that_no_camera_saw_well_is_refused_as_such():
    truth, _ = solved(0)
    seen = truth.sightings.seen.copy()
    seen[3, :, 2:] = False
    little = replace(truth.sightings, seen=seen)
    with pytest.raises(InvalidRecordError, match="no camera sees enough of it"):
        calibrate(little, settings=replace(FULL, world_pose=little.labels[3]))


def _pairs(poses: int, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Let each pose be seen by one pair of cameras, in turn."""
    allowed = np.zeros((poses, 4), dtype=bool)
    for pose in range(poses):
        allowed[pose, list(pairs[pose % len(pairs)])] = True
    return allowed


def _ordered(sightings: BoardSightings, views: np.ndarray, poses: np.ndarray) -> BoardSightings:
    return replace(
        sightings,
        cameras=tuple(sightings.cameras[view] for view in views),
        size_px=sightings.size_px[views],
        pixels=sightings.pixels[poses][:, views],
        seen=sightings.seen[poses][:, views],
        labels=tuple(sightings.labels[pose] for pose in poses),
    )
