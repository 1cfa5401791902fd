from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.data.augment import (
    Augmentation,
    drop_views,
    hide_joints,
    jitter_rig,
    move_world,
    shake_confidence,
)
from mvmono3d.data.counters import AUGMENTATION, generator
from mvmono3d.data.record_arrays import named_arrays
from tests.data.clips import STRONG, clip, labels, project, truth


def random(seed: int = 0) -> np.random.Generator:
    return generator(seed, AUGMENTATION)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_not_detected_has_no_pixels_and_no_confidence(seed):
    observations = STRONG(clip(seed=seed), random(seed)).observations
    assert not observations.pixels[~observations.detected].any()
    assert not observations.confidence[~observations.detected].any()
    assert ((observations.confidence >= 0) & (observations.confidence <= 1)).all()


@pytest.mark.parametrize("seed", range(5))
def test_augmentation_never_invents_a_detection(seed):
    made = clip(seed=seed)
    assert not (STRONG(made, random(seed)).observations.detected & ~made.observations.detected).any()


def test_the_same_place_gives_the_same_clip():
    one, same, other = (dict(named_arrays(STRONG(clip(), random(seed)))) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_moving_the_world_keeps_every_projection():
    made = clip(gone=0.0)
    moved = move_world(made, random(), turn=True, shift_m=2.0)
    assert np.abs(truth(moved).points_world - truth(made).points_world).max() > 0.1
    np.testing.assert_allclose(
        project(truth(moved).points_world, moved.rig), made.observations.pixels, atol=1e-6
    )


def test_moving_the_world_keeps_up_and_bone_lengths():
    made = clip()
    moved = move_world(made, random(), turn=True, shift_m=0.0)
    np.testing.assert_allclose(truth(moved).points_world[..., 2], truth(made).points_world[..., 2])
    bones = [np.diff(truth(each).points_world, axis=1) for each in (made, moved)]
    np.testing.assert_allclose(*(np.linalg.norm(bone, axis=-1) for bone in bones))


def test_two_cameras_always_stay():
    for seed in range(30):
        made = clip(seed=seed, gone=0.0)
        whole = drop_views(made, random(seed), probability=1.0).observations.detected.all(axis=(0, 2))
        assert whole.sum() == 2


def test_a_camera_that_sees_nothing_is_not_one_of_the_two():
    made = clip(gone=0.0)
    detected = made.observations.detected.copy()
    detected[:, :2] = False
    blind = replace(made, observations=replace(made.observations, detected=detected))
    kept = drop_views(blind, random(), probability=1.0).observations.detected
    assert kept[:, 2:].all()


def test_a_lost_camera_says_nothing_about_occlusion():
    made = clip(gone=0.3)
    dropped = drop_views(made, random(), probability=1.0)
    lost = made.observations.detected & ~dropped.observations.detected
    assert lost.any()
    assert (labels(dropped).state[lost] == OcclusionState.UNKNOWN).all()


def test_a_hidden_joint_stays_hidden_when_the_detector_is_silent():
    made = clip(gone=0.0)
    states = np.full_like(labels(made).state, OcclusionState.OBJECT)
    behind = replace(made, occlusion=replace(labels(made), state=states))
    hidden = hide_joints(behind, random(), probability=0.5, frames=2)
    assert not hidden.observations.detected.all()
    assert (labels(hidden).state == OcclusionState.OBJECT).all()


def test_gaps_have_the_mean_length_that_was_asked_for():
    made = clip(frames=2000, gone=0.0)
    gone = ~hide_joints(made, random(), probability=0.002, frames=6).observations.detected
    starts = (gone[1:] & ~gone[:-1]).sum()
    assert 5 < gone.sum() / starts < 7.5


def test_the_stated_pose_sigma_covers_the_jitter():
    made = clip()
    jittered = jitter_rig(made, random(), rotation_rad=0.003, translation_m=0.002)
    np.testing.assert_allclose(jittered.rig.pose_sigma, np.tile([0.003, 0.002], (4, 1)))
    rotation = jittered.rig.camera_from_world[:, :, :3]
    np.testing.assert_allclose(
        rotation @ np.swapaxes(rotation, -1, -2), np.tile(np.eye(3), (4, 1, 1)), atol=1e-9
    )
    error = np.abs(jittered.rig.camera_from_world - made.rig.camera_from_world).max()
    assert 0 < error < 0.05


def test_confidence_noise_leaves_the_detections():
    made = clip()
    shaken = shake_confidence(made, random(), sigma=0.3)
    np.testing.assert_array_equal(shaken.observations.detected, made.observations.detected)
    assert (shaken.observations.confidence != made.observations.confidence).any()


def test_an_augmentation_that_is_off_changes_nothing():
    off = Augmentation(
        view_loss=0,
        joint_loss=0,
        joint_loss_frames=1,
        rig_error_share=0,
        rig_rotation_rad=0,
        rig_translation_m=0,
        turn_world=False,
        shift_world_m=0,
        confidence_noise=0,
    )
    made = clip()
    same = dict(named_arrays(off(made, random())))
    for name, array in named_arrays(made):
        np.testing.assert_allclose(same[name], array, atol=1e-12, err_msg=name)
