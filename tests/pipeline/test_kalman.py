from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mvmono3d.core.trajectory import Decision, MissingReason, PointSource
from mvmono3d.evaluation.score import score
from mvmono3d.geometry.solve import inverse3
from mvmono3d.pipeline.classical import reconstruct_robust
from mvmono3d.pipeline.kalman import KalmanSettings, reconstruct_kalman
from mvmono3d.pipeline.kalman_kernel import _inverse3
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip

WARM = 20
FRAMES = 150


def measured(result, clip) -> Any:
    return score(result, clip)


def world(regime, *, seed=1, skeleton="hand21"):
    settings = replace(preset(regime, skeleton=skeleton), frames=FRAMES)
    return make_clip(settings, seed=seed, subject=seed, rig_seed=seed)


def kalman(clip, observations=None, **settings):
    seen = clip.observations if observations is None else observations
    return reconstruct_kalman(seen, clip.rig, clip.skeleton, KalmanSettings(**settings))


def without(clip, joint, first, last):
    """Hide a joint from all views."""
    detected = clip.observations.detected.copy()
    detected[first:last, :, joint] = False
    return replace(clip.observations, detected=detected)


@pytest.fixture(scope="module")
def noisy():
    return world("A")


@pytest.fixture(scope="module")
def hard():
    return world("C")


def test_filtering_noise_beats_each_frame_alone(noisy):
    robust = measured(reconstruct_robust(noisy.observations, noisy.rig, noisy.skeleton), noisy)
    filtered = measured(kalman(noisy), noisy)
    assert filtered.mpjpe_held_mm < 0.95 * robust.mpjpe_held_mm
    assert filtered.acceleration_error < 0.75 * robust.acceleration_error


def test_filtering_beats_each_frame_alone_under_occlusion(hard):
    robust = measured(reconstruct_robust(hard.observations, hard.rig, hard.skeleton), hard)
    filtered = measured(kalman(hard), hard)
    assert filtered.mpjpe_held_mm < 0.7 * robust.mpjpe_held_mm
    assert filtered.hidden_mm < 0.6 * robust.hidden_mm
    assert filtered.bone_variation_mm < 0.6 * robust.bone_variation_mm
    assert filtered.answered > robust.answered


def test_holding_bones_to_their_lengths_helps_hidden_joints(hard):
    free = measured(kalman(hard, bone_sweeps=0), hard)
    held = measured(kalman(hard), hard)
    assert held.bone_variation_mm < 0.8 * free.bone_variation_mm
    assert held.hidden_mm < free.hidden_mm


def test_the_covariance_grows_while_a_joint_is_unseen_until_it_expires(noisy):
    joint, first = 8, 60
    result = kalman(noisy, without(noisy, joint, first, FRAMES), horizon_s=0.5)
    source = result.trajectory.source[:, joint]
    volume = np.trace(result.trajectory.covariance_world[:, joint], axis1=-2, axis2=-1)
    imputed = source == PointSource.IMPUTED
    # The frame at the horizon itself may fall on either side of it.
    assert imputed.sum() in (29, 30, 31)
    assert imputed[first : first + 29].all()
    assert (np.diff(volume[first - 1 : first + 29]) > 0).all()
    assert (source[first + 31 :] == PointSource.MISSING).all()
    assert (result.reason[first + 31 :, joint] == MissingReason.EXPIRED).all()
    assert (result.decided_by[imputed, joint] == Decision.PREDICTED).all()
    assert not result.trajectory.points_world[first + 31 :, joint].any()
    assert not result.weights[first + 31 :, :, joint].any()


def test_a_joint_that_comes_back_is_found_again(noisy):
    joint, last = 8, 100
    result = kalman(noisy, without(noisy, joint, 60, last))
    back = result.trajectory.points_world[last + 2 :, joint]
    error = np.linalg.norm(back - noisy.truth.points_world[last + 2 :, joint], axis=-1)
    assert np.median(error) < 0.004
    assert (result.trajectory.source[last + 2 :, joint] == PointSource.MEASURED).all()


def test_no_frame_sees_a_later_one(hard):
    half = FRAMES // 2
    settings = {"sigma_px": 1.0}
    whole = kalman(hard, **settings)
    first = kalman(hard, hard.observations.map(lambda array: array[:half]), **settings)
    np.testing.assert_allclose(whole.trajectory.points_world[:half], first.trajectory.points_world, atol=1e-4)


def test_the_answer_moves_with_the_world(hard):
    angle = 0.8
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    shift = np.array([0.3, -0.2, 0.4])
    exact = hard.map(lambda array: array.astype(np.float64) if array.dtype == np.float32 else array)
    rotation, translation = exact.rig.camera_from_world[..., :3], exact.rig.camera_from_world[..., 3]
    turned = rotation @ turn.T
    pose = np.concatenate([turned, (translation - turned @ shift)[..., None]], axis=-1)
    here = reconstruct_kalman(exact.observations, exact.rig, exact.skeleton, KalmanSettings(sigma_px=1.0))
    there = reconstruct_kalman(
        exact.observations,
        replace(exact.rig, camera_from_world=pose),
        exact.skeleton,
        KalmanSettings(sigma_px=1.0),
    )
    answered = here.trajectory.source != PointSource.MISSING
    np.testing.assert_array_equal(here.trajectory.source, there.trajectory.source)
    moved = here.trajectory.points_world @ turn.T + shift
    np.testing.assert_allclose(moved[answered], there.trajectory.points_world[answered], atol=1e-5)
    spread = turn @ here.trajectory.covariance_world @ turn.T
    np.testing.assert_allclose(spread, there.trajectory.covariance_world, atol=1e-7)


def test_the_order_of_the_views_does_not_matter(hard):
    order = [2, 0, 3, 1]
    seen = hard.observations
    mixed = replace(
        seen,
        pixels=seen.pixels[:, order],
        confidence=seen.confidence[:, order],
        detected=seen.detected[:, order],
    )
    rig = hard.rig.select(tuple(hard.rig.names[view] for view in order))
    settings = KalmanSettings(sigma_px=1.0)
    one = reconstruct_kalman(seen, hard.rig, hard.skeleton, settings)
    other = reconstruct_kalman(mixed, rig, hard.skeleton, settings)
    np.testing.assert_allclose(one.trajectory.points_world, other.trajectory.points_world, atol=1e-4)
    np.testing.assert_allclose(one.weights[:, order], other.weights, atol=1e-3)


def test_covariances_are_symmetric_and_positive_and_hold_the_truth(hard):
    result = kalman(hard)
    covariance = result.trajectory.covariance_world
    answered = result.trajectory.source != PointSource.MISSING
    np.testing.assert_array_equal(covariance, np.swapaxes(covariance, -1, -2))
    assert (np.linalg.eigvalsh(covariance[answered]) > 0).all()
    assert not covariance[~answered].any()
    found = measured(result, hard)
    assert 0.82 < found.covered_90 <= 1.0


def test_weights_are_shares(hard):
    result = kalman(hard)
    total = result.weights.sum(axis=1)
    assert ((np.abs(total - 1) < 1e-9) | (total == 0)).all()
    assert (total[result.trajectory.source == PointSource.MEASURED] > 0).all()


def test_a_recording_without_detections_answers_nothing(noisy):
    empty = replace(noisy.observations, detected=np.zeros_like(noisy.observations.detected))
    result = kalman(noisy, empty)
    assert (result.trajectory.source == PointSource.MISSING).all()
    assert (result.reason == MissingReason.TOO_FEW_VIEWS).all()


def test_the_kernel_inverts_as_the_reference_does():
    rng = np.random.default_rng(4)
    factor = rng.normal(size=(50, 3, 3))
    matrices = factor @ factor.transpose(0, 2, 1) + 0.1 * np.eye(3)
    for matrix, expected in zip(matrices, inverse3(matrices).inverse, strict=True):
        np.testing.assert_allclose(_inverse3(matrix), expected, rtol=1e-9, atol=1e-12)
