import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.synthetic.hand import FINGERS, HAND_JOINTS, HAND_LENGTH_M, Side, hand_model
from mvmono3d.synthetic.hand_motion import (
    GRASPS,
    WORKSPACE_M,
    grasp_angles,
    hand_angles,
    move_hand,
)
from mvmono3d.synthetic.kinematic import forward, local_rotations, rest_points

SKELETON = load_skeleton("hand21")
RATE_HZ = 240.0


def seconds(duration, rate_hz=RATE_HZ):
    return np.arange(round(duration * rate_hz)) / rate_hz


def joints_of(model, motion):
    return motion.poses.points_world[:, model.indices(SKELETON.joints)]


def pose(model, name):
    angles = np.zeros((1, len(model.angles)))
    angles[0, 5:] = grasp_angles(model, name)
    local = local_rotations(model, angles)
    points = forward(model, local, root_position=np.zeros((1, 3)), root_rotation=np.eye(3)[None])
    return dict(zip(model.names, points.points_world[0], strict=True))


def test_the_hand_has_the_joints_of_the_skeleton():
    assert set(HAND_JOINTS) == set(SKELETON.joints)


def test_bones_keep_their_length():
    model = hand_model(4)
    lengths = bone_lengths(joints_of(model, move_hand(model, seconds(5.0), seed=1)), SKELETON)
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=1e-9)


@pytest.mark.parametrize("holds", [False, True])
def test_angles_stay_within_the_joints_limits(holds):
    for seed in range(10):
        model = hand_model(seed)
        angles = hand_angles(model, seconds(10.0, 60.0), seed=seed, holds=holds)
        assert (angles >= model.lower).all()
        assert (angles <= model.upper).all()


def test_bent_fingers_are_not_spread():
    model = hand_model(0)
    angles = hand_angles(model, seconds(60.0, 60.0), seed=0)
    for finger in FINGERS:
        spread = angles[:, model.angles.index(f"{finger}_abduction")]
        bent = angles[:, model.angles.index(f"{finger}_flexion")] > np.deg2rad(70.0)
        assert np.abs(spread[bent]).max(initial=0.0) < np.deg2rad(4.0)


def test_hands_are_as_long_as_peoples_hands():
    lengths = []
    for subject in range(200):
        model = hand_model(subject)
        rest = rest_points(model)
        lengths.append(np.linalg.norm(rest[model.index("middle_tip")]))
    assert np.mean(lengths) == pytest.approx(HAND_LENGTH_M, abs=0.004)
    assert 0.15 < min(lengths) < max(lengths) < 0.23


def test_a_left_hand_mirrors_the_right_one():
    left, right = hand_model(7, side=Side.LEFT), hand_model(7, side=Side.RIGHT)
    for grasp in GRASPS:
        one, other = pose(left, grasp), pose(right, grasp)
        for name in HAND_JOINTS:
            np.testing.assert_allclose(one[name], other[name] * np.array([-1.0, 1.0, 1.0]), atol=1e-12)


def test_subjects_are_left_and_right_handed():
    sides = [hand_model(subject).offset_m[3, 0] > 0.0 for subject in range(50)]
    assert 10 < sum(sides) < 40


def test_the_pinch_brings_thumb_and_index_together_and_the_fist_the_tips_to_the_palm():
    model = hand_model(0, side=Side.RIGHT)
    pinch, fist, flat = pose(model, "pinch"), pose(model, "fist"), pose(model, "open")
    assert np.linalg.norm(pinch["thumb_tip"] - pinch["index_tip"]) < 0.03
    assert np.linalg.norm(flat["thumb_tip"] - flat["index_tip"]) > 0.08
    for finger in FINGERS:
        assert fist[f"{finger}_tip"][1] < 0.8 * flat[f"{finger}_tip"][1]
        assert fist[f"{finger}_tip"][2] < -0.015


def test_hands_move_as_fast_as_hands():
    speeds, accelerations = [], []
    for seed in range(20):
        model = hand_model(seed)
        points = joints_of(model, move_hand(model, seconds(20.0), seed=seed))[:, [0, 8]]
        speeds.append(np.linalg.norm(np.diff(points, axis=0), axis=-1) * RATE_HZ)
        accelerations.append(np.linalg.norm(np.diff(points, n=2, axis=0), axis=-1) * RATE_HZ**2)
    wrist, tip = np.concatenate(speeds).T
    assert 0.03 < np.median(wrist) < 0.3
    assert np.quantile(wrist, 0.99) < 2.0
    assert 1.0 < wrist.max() < 3.2
    assert 1.5 < tip.max() < 6.0
    assert np.concatenate(accelerations).max() < 150.0


def test_the_wrist_stays_in_its_workspace():
    model = hand_model(0)
    wrist = move_hand(model, seconds(60.0, 60.0), seed=3).poses.points_world[:, 0]
    distance = np.linalg.norm(wrist, axis=1)
    assert distance.max() < WORKSPACE_M + 0.025
    assert np.ptp(wrist, axis=0).min() > WORKSPACE_M


def test_the_motion_does_not_depend_on_the_frame_rate():
    model = hand_model(1)
    slow, fast = (
        move_hand(model, seconds(4.0, rate), seed=9, holds=True).poses.points_world for rate in (30.0, 120.0)
    )
    np.testing.assert_allclose(fast[::4], slow, atol=1e-11)
