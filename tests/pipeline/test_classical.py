from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import MissingReason, PointSource
from mvmono3d.errors import InvalidRecordError
from mvmono3d.pipeline.classical import reconstruct_dlt, reconstruct_robust
from mvmono3d.pipeline.leave_one_out import leave_one_view_out
from tests.recordings import recording, ring

METHODS = [reconstruct_dlt, reconstruct_robust]


def solve(method, made, **changes):
    return method(replace(made.observations, **changes), made.rig, made.skeleton)


@pytest.mark.parametrize("method", METHODS)
def test_exact_pixels_give_the_exact_joints(method):
    made = recording()
    result = solve(method, made)
    np.testing.assert_allclose(result.trajectory.points_world, made.points, atol=1e-6)
    assert (result.trajectory.source == PointSource.MEASURED).all()
    assert result.reprojection_px.max() < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_every_field_keeps_its_law(method):
    made = recording(noise_px=1.5)
    detected = np.random.default_rng(1).random(made.observations.detected.shape) < 0.6
    pixels = np.where(detected[..., None], made.observations.pixels, 0.0)
    result = solve(method, made, detected=detected, pixels=pixels)
    solved = result.trajectory.source == PointSource.MEASURED
    assert 0.5 < solved.mean() < 1
    np.testing.assert_array_equal(result.reason == MissingReason.NONE, solved)
    np.testing.assert_array_equal(result.trajectory.points_world[~solved], 0)
    np.testing.assert_array_equal(result.trajectory.covariance_world[~solved], 0)
    assert (np.linalg.eigvalsh(result.trajectory.covariance_world[solved]) > 0).all()
    np.testing.assert_allclose(result.weights.sum(axis=1), solved, atol=1e-9)
    np.testing.assert_array_equal(result.weights[~detected], 0)
    np.testing.assert_allclose(result.occlusion.sum(axis=-1), 1)
    assert result.occlusion.min() >= 0
    np.testing.assert_array_equal(result.reprojection_px[~detected], 0)


@pytest.mark.parametrize("method", METHODS)
def test_reordering_views_changes_nothing(method):
    made = recording(noise_px=2.0)
    order = [2, 0, 3, 1]
    seen = made.observations
    turned = replace(
        seen,
        pixels=seen.pixels[:, order],
        confidence=seen.confidence[:, order],
        detected=seen.detected[:, order],
    )
    rig = made.rig.select(tuple(made.rig.names[view] for view in order))
    one, other = solve(method, made), method(turned, rig, made.skeleton)
    np.testing.assert_allclose(one.trajectory.points_world, other.trajectory.points_world, atol=1e-7)
    np.testing.assert_allclose(one.weights[:, order], other.weights, atol=1e-6)


# The homogeneous DLT doesn't commute with shifts: its residual depends on where the origin lies.
@pytest.mark.parametrize(
    ("method", "shift"), [(reconstruct_dlt, (0, 0, 0)), (reconstruct_robust, (2, -1, 0.5))]
)
def test_moving_the_world_moves_the_joints_along(method, shift):
    made = recording(noise_px=2.0)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    shift = np.array(shift)
    pose = made.rig.camera_from_world
    rotation = pose[..., :3] @ turn.T
    moved = np.concatenate([rotation, pose[..., 3:] - (rotation @ shift)[..., None]], axis=-1)
    result = method(made.observations, replace(made.rig, camera_from_world=moved), made.skeleton)
    expected = solve(method, made).trajectory.points_world @ turn.T + shift
    np.testing.assert_allclose(result.trajectory.points_world, expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_joint_seen_by_one_view_is_missing_for_that_reason(method):
    made = recording()
    detected = made.observations.detected.copy()
    detected[3, 1:, 5] = False
    result = solve(method, made, detected=detected)
    assert result.reason[3, 5] == MissingReason.TOO_FEW_VIEWS
    assert (result.reason == MissingReason.NONE).sum() == result.reason.size - 1


@pytest.mark.parametrize("method", METHODS)
def test_stated_uncertainty_matches_the_error(method):
    made = recording(frames=200, noise_px=2.0)
    trajectory = solve(method, made).trajectory
    solved = trajectory.source == PointSource.MEASURED
    difference = (trajectory.points_world - made.points)[solved][..., None]
    weighed = np.linalg.solve(trajectory.covariance_world[solved], difference)
    squared = (np.swapaxes(difference, -1, -2) @ weighed)[:, 0, 0]
    assert np.mean(squared < 6.251) == pytest.approx(0.9, abs=0.04)


def test_an_outlier_spoils_the_dlt_but_not_the_robust_answer():
    made = recording(frames=40, noise_px=1.0)
    pixels = made.observations.pixels.copy()
    pixels[:, 1, ::4] += np.array([150.0, -90.0])
    robust, plain = (solve(method, made, pixels=pixels) for method in (reconstruct_robust, reconstruct_dlt))
    hit = np.zeros(made.points.shape[:2], dtype=bool)
    hit[:, ::4] = True
    error_m = [
        np.linalg.norm(result.trajectory.points_world - made.points, axis=-1)[hit]
        for result in (robust, plain)
    ]
    assert np.quantile(error_m[0], 0.95) < 0.01
    assert np.median(error_m[1]) > 0.03
    assert (robust.weights[:, 1, ::4] == 0).mean() > 0.99
    assert robust.occlusion[:, 1, ::4, OcclusionState.VISIBLE].max() < 1e-3
    assert np.median(robust.occlusion[:, 0, :, OcclusionState.VISIBLE]) > 0.9


def test_what_is_not_detected_is_not_visible_and_a_dropped_view_is_unknown():
    made = recording()
    detected = made.observations.detected.copy()
    detected[2, 0] = False
    detected[5, 1, 7] = False
    occlusion = solve(reconstruct_robust, made, detected=detected).occlusion
    np.testing.assert_array_equal(occlusion[2, 0], np.tile([0, 0, 0, 1], (17, 1)))
    np.testing.assert_allclose(occlusion[5, 1, 7], [0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("method", METHODS)
def test_leaving_a_view_out_predicts_it_from_the_others(method):
    made = recording(noise_px=1.0)
    pixels = made.observations.pixels.copy()
    pixels[:, 2] += 40.0
    left_out = leave_one_view_out(
        replace(made.observations, pixels=pixels),
        made.rig,
        reconstruct=lambda seen: method(seen, made.rig, made.skeleton),
    )
    assert left_out.predicted[:, 2].all()
    median = np.median(left_out.error_px[:, 2][left_out.predicted[:, 2]])
    assert median == pytest.approx(np.hypot(40, 40), abs=2)


def test_one_frame_and_many_give_the_same(monkeypatch):
    made = recording(frames=7, noise_px=1.0)
    whole = solve(reconstruct_dlt, made)
    monkeypatch.setattr("mvmono3d.pipeline.classical.BLOCK_FRAMES", 2)
    parts = solve(reconstruct_dlt, made)
    np.testing.assert_allclose(parts.trajectory.points_world, whole.trajectory.points_world)
    np.testing.assert_allclose(parts.trajectory.covariance_world, whole.trajectory.covariance_world)
    np.testing.assert_allclose(parts.weights, whole.weights)


@pytest.mark.parametrize("method", METHODS)
def test_parts_that_do_not_fit_are_refused(method):
    made = recording()
    with pytest.raises(InvalidRecordError, match="3 cameras of the rig"):
        method(made.observations, ring(3), made.skeleton)
    with pytest.raises(InvalidRecordError, match="21 joints of skeleton 'hand21'"):
        method(made.observations, made.rig, load_skeleton("hand21"))
