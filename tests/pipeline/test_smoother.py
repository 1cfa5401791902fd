from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mvmono3d.core.trajectory import MissingReason, PointSource
from mvmono3d.evaluation.score import score
from mvmono3d.pipeline.kalman import reconstruct_kalman
from mvmono3d.pipeline.smoother import MapSettings, reconstruct_map
from mvmono3d.pipeline.smoother_system import Bones, Views, assemble, marginal_covariance, smoothness_bands
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip

FRAMES = 150


def measured(result, clip) -> Any:
    return score(result, clip)


def world(regime, *, seed=1):
    settings = replace(preset(regime, skeleton="hand21"), frames=FRAMES)
    return make_clip(settings, seed=seed, subject=seed, rig_seed=seed)


def smooth(clip, observations=None, **settings):
    seen = clip.observations if observations is None else observations
    return reconstruct_map(seen, clip.rig, clip.skeleton, MapSettings(**settings))


@pytest.fixture(scope="module")
def hard():
    return world("C")


@pytest.fixture(scope="module")
def smoothed(hard):
    return smooth(hard)


def random_system(rng, *, frames, joints):
    factor = rng.normal(size=(frames, joints, 3, 3))
    information = factor @ factor.swapaxes(-1, -2)
    points = rng.normal(size=(frames, joints, 3))
    empty = np.zeros((frames, 1, joints))
    pairs = np.array([[0, 1], [2, 1]])
    bones = Bones(pairs, np.array([0.7, 0.9]), np.array([5.0, 8.0]))
    views = Views(information, rng.normal(size=(frames, joints, 3)), empty, empty)
    time_s = np.cumsum(rng.uniform(0.5, 1.5, size=frames))
    return assemble(
        views, points, bands=smoothness_bands(time_s), acceleration=rng.uniform(1, 2, joints), bones=bones
    )


def dense(matrix):
    top, size = matrix.shape[0] - 1, matrix.shape[1]
    full = np.zeros((size, size))
    for apart in range(top + 1):
        place = np.arange(apart, size)
        full[place - apart, place] = full[place, place - apart] = matrix[top - apart, apart:]
    return full


@pytest.mark.parametrize("frames", [6, 7])
def test_marginal_covariances_are_the_blocks_of_the_dense_inverse(frames):
    matrix, _ = random_system(np.random.default_rng(2), frames=frames, joints=3)
    inverse = np.linalg.inv(dense(matrix)).reshape(frames, 3, 3, frames, 3, 3)
    got = marginal_covariance(matrix, frames=frames, joints=3)
    for frame in range(frames):
        for joint in range(3):
            expected = inverse[frame, joint, :, frame, joint]
            np.testing.assert_allclose(got[frame, joint], expected, rtol=1e-9, atol=1e-12)


def test_constant_velocity_costs_nothing_at_uneven_times():
    time_s = np.array([0.0, 0.1, 0.35, 0.4, 0.9])
    bands = smoothness_bands(time_s)
    full = np.diag(bands[0]) + sum(
        np.diag(bands[apart, :-apart], apart) + np.diag(bands[apart, :-apart], -apart) for apart in (1, 2)
    )
    np.testing.assert_allclose(full @ (2.0 + 3.0 * time_s), 0.0, atol=1e-7)
    parabola = 0.5 * 4.0 * time_s**2
    assert parabola @ full @ parabola == pytest.approx(3 * 4.0**2)


def test_looking_at_all_frames_beats_looking_back(hard, smoothed):
    filtered = measured(reconstruct_kalman(hard.observations, hard.rig, hard.skeleton), hard)
    offline = measured(smoothed, hard)
    assert offline.mpjpe_held_mm < 0.75 * filtered.mpjpe_held_mm
    assert offline.hidden_mm < 0.75 * filtered.hidden_mm
    assert offline.acceleration_error < 0.5 * filtered.acceleration_error


def test_bones_keep_their_lengths(hard, smoothed):
    assert measured(smoothed, hard).bone_variation_mm < 0.5


def test_bursts_of_lost_joints_do_not_break_the_smoother():
    clip = world("E")
    found = measured(smooth(clip), clip)
    assert found.median_mm < 3.0
    assert found.mpjpe_held_mm < 10.0


def test_a_joint_unseen_beyond_the_horizon_is_missing_and_within_it_imputed(hard):
    joint, first = 8, 60
    detected = hard.observations.detected.copy()
    detected[first:, :, joint] = False
    result = smooth(hard, replace(hard.observations, detected=detected), horizon_s=0.5)
    source = result.trajectory.source[:, joint]
    assert (source[first : first + 25] == PointSource.IMPUTED).all()
    assert (source[first + 35 :] == PointSource.MISSING).all()
    assert (result.reason[first + 35 :, joint] == MissingReason.EXPIRED).all()
    volume = np.trace(result.trajectory.covariance_world[first : first + 25, joint], axis1=-2, axis2=-1)
    assert (np.diff(volume) > 0).all()


def test_windows_change_next_to_nothing(hard, smoothed):
    cut = smooth(hard, window=50, overlap=40)
    apart = np.linalg.norm(cut.trajectory.points_world - smoothed.trajectory.points_world, axis=-1)
    assert np.median(apart) < 2e-4
    assert cut.trajectory.points_world.shape == smoothed.trajectory.points_world.shape


def test_the_answer_moves_with_the_world(hard):
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    shift = np.array([0.3, -0.2, 0.4])
    exact = hard.map(lambda array: array.astype(np.float64) if array.dtype == np.float32 else array)
    rotation, translation = exact.rig.camera_from_world[..., :3], exact.rig.camera_from_world[..., 3]
    turned = rotation @ turn.T
    pose = np.concatenate([turned, (translation - turned @ shift)[..., None]], axis=-1)
    moved_rig = replace(exact.rig, camera_from_world=pose)
    settings = MapSettings(sigma_px=1.0)
    here = reconstruct_map(exact.observations, exact.rig, exact.skeleton, settings)
    there = reconstruct_map(exact.observations, moved_rig, exact.skeleton, settings)
    moved = here.trajectory.points_world @ turn.T + shift
    # The scale of accelerations is taken per axis, so a turn changes it a little.
    assert np.median(np.linalg.norm(moved - there.trajectory.points_world, axis=-1)) < 5e-4


def test_covariances_are_positive_and_hold_the_truth(hard, smoothed):
    covariance = smoothed.trajectory.covariance_world
    np.testing.assert_allclose(covariance, np.swapaxes(covariance, -1, -2), atol=1e-15)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    assert measured(smoothed, hard).covered_90 > 0.8


def test_a_recording_without_detections_answers_nothing(hard):
    empty = replace(hard.observations, detected=np.zeros_like(hard.observations.detected))
    result = smooth(hard, empty)
    assert (result.trajectory.source == PointSource.MISSING).all()


def test_two_frames_are_enough(hard):
    result = smooth(hard, hard.observations.map(lambda array: array[:2]))
    assert (result.trajectory.source == PointSource.MEASURED).any()
