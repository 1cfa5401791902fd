import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.core.skeleton import BodyFrame, FrameKind, Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.kinematics import (
    body_frame,
    bone_directions,
    bone_lengths,
    bone_vectors,
    forward_kinematics,
    joint_angles,
    set_bone_lengths,
)
from mvmono3d.geometry.rigid import rotation_from_vector, transform_points
from tests.geometry.rigs import gradients_are_finite, random_pose, random_rotations
from tests.tolerances import EXACT, ITERATED

SKELETONS = ["hand21", "body17", "body25"]


def _pose_of(skeleton, batch=()):
    return np.random.default_rng(0).normal(size=(*batch, len(skeleton.joints), 3))


@pytest.mark.parametrize("name", SKELETONS)
def test_bone_lengths_are_unchanged_by_rigid_motion(name):
    skeleton = load_skeleton(name)
    points = _pose_of(skeleton)
    moved = transform_points(random_pose(np.random.default_rng(1)), points)
    np.testing.assert_allclose(bone_lengths(moved, skeleton), bone_lengths(points, skeleton), atol=EXACT)
    assert bone_lengths(points, skeleton).shape == (len(skeleton.bones),)


@pytest.mark.parametrize("name", SKELETONS)
def test_directions_times_lengths_are_the_bones(name):
    skeleton = load_skeleton(name)
    points = _pose_of(skeleton, (4,))
    rebuilt = bone_directions(points, skeleton) * bone_lengths(points, skeleton)[..., None]
    np.testing.assert_allclose(rebuilt, bone_vectors(points, skeleton), atol=EXACT)


@pytest.mark.parametrize("name", SKELETONS)
def test_bones_have_the_lengths_they_were_given_and_keep_their_directions(name):
    skeleton = load_skeleton(name)
    points = _pose_of(skeleton, (4,))
    wanted = np.random.default_rng(2).uniform(0.1, 1.0, size=(4, len(skeleton.bones)))
    moved = set_bone_lengths(points, wanted, skeleton)
    np.testing.assert_allclose(bone_lengths(moved, skeleton), wanted, atol=EXACT)
    np.testing.assert_allclose(
        bone_directions(moved, skeleton), bone_directions(points, skeleton), atol=ITERATED
    )
    np.testing.assert_array_equal(moved[:, skeleton.root], points[:, skeleton.root])


def test_setting_the_lengths_a_pose_has_changes_nothing():
    skeleton = load_skeleton("hand21")
    points = _pose_of(skeleton)
    same = set_bone_lengths(points, bone_lengths(points, skeleton), skeleton)
    np.testing.assert_allclose(same, points, atol=EXACT)


def test_forward_kinematics_at_rest_adds_up_the_offsets():
    skeleton = load_skeleton("body17")
    points = _pose_of(skeleton)
    offsets = points - points[list(skeleton.parents)]
    still = np.broadcast_to(np.eye(3), (len(skeleton.joints), 3, 3))
    posed = forward_kinematics(still, offsets, root=points[skeleton.root], parents=skeleton.parents)
    np.testing.assert_allclose(posed.points, points, atol=EXACT)


def test_forward_kinematics_keeps_bone_lengths_and_turns_with_the_root():
    skeleton = load_skeleton("hand21")
    generator = np.random.default_rng(3)
    offsets = _pose_of(skeleton)
    turns = random_rotations(generator, 5 * len(skeleton.joints)).reshape(5, -1, 3, 3)
    zero = np.zeros(3)
    posed = forward_kinematics(turns, offsets, root=zero, parents=skeleton.parents)
    lengths = np.linalg.norm(offsets[[child for _, child in skeleton.bones]], axis=-1)
    np.testing.assert_allclose(
        bone_lengths(posed.points, skeleton), np.broadcast_to(lengths, (5, lengths.size)), atol=EXACT
    )
    turn = random_rotations(generator, 1)[0]
    turned = turns.copy()
    turned[:, skeleton.root] = turn @ turns[:, skeleton.root]
    again = forward_kinematics(turned, offsets, root=zero, parents=skeleton.parents)
    np.testing.assert_allclose(again.points, posed.points @ turn.T, atol=EXACT * 10)
    np.testing.assert_allclose(again.rotations, turn @ posed.rotations, atol=EXACT * 10)


@pytest.mark.parametrize("parents", [(1, 0), (-1, -1), (0, 0)])
def test_parents_that_are_no_tree_are_refused(parents):
    still = np.broadcast_to(np.eye(3), (2, 3, 3))
    with pytest.raises(InvalidRecordError, match="tree"):
        forward_kinematics(still, np.zeros((2, 3)), root=np.zeros(3), parents=parents)


def _chain():
    return Skeleton(
        name="chain",
        joints=("a", "b", "c"),
        parents=(-1, 0, 1),
        mirror=(0, 1, 2),
        flexible=(False, False, False),
        torso=(0,),
    )


def test_a_straight_joint_has_angle_zero_and_a_bent_one_its_bend():
    bends = np.array([0.0, 0.4, np.pi / 2, 3.0])
    tips = np.stack([1 + np.cos(bends), np.sin(bends), 0 * bends], axis=-1)
    points = np.stack([np.zeros((4, 3)), np.broadcast_to([1.0, 0, 0], (4, 3)), tips], axis=1)
    angles = joint_angles(points, _chain())
    np.testing.assert_allclose(angles[:, 1], bends, atol=ITERATED)
    np.testing.assert_array_equal(angles[:, [0, 2]], 0.0)


@pytest.mark.parametrize("name", SKELETONS)
def test_the_body_frame_turns_with_the_actor(name):
    skeleton = load_skeleton(name)
    assert skeleton.frame is not None
    points = _pose_of(skeleton, (6,))
    generator = np.random.default_rng(4)
    turn = random_rotations(generator, 1)[0]
    if skeleton.frame.kind is FrameKind.HEADING:
        turn = rotation_from_vector(np.array([0.0, 0.0, 2.2]))
    here, there = body_frame(points, skeleton), body_frame(points @ turn.T + 1.0, skeleton)
    assert here.ok.all()
    np.testing.assert_allclose(there.world_from_body, turn @ here.world_from_body, atol=ITERATED)
    np.testing.assert_allclose(there.origin_world, here.origin_world @ turn.T + 1.0, atol=ITERATED)
    np.testing.assert_allclose(np.linalg.det(here.world_from_body), 1.0, atol=ITERATED)


def test_a_heading_frame_keeps_the_vertical():
    skeleton = load_skeleton("body17")
    frame = body_frame(_pose_of(skeleton, (6,)), skeleton)
    np.testing.assert_allclose(
        frame.world_from_body[:, :, 2], np.broadcast_to([0, 0, 1.0], (6, 3)), atol=EXACT
    )


def test_the_origin_is_the_mean_of_the_torso_that_is_present():
    skeleton = load_skeleton("body17")
    points = _pose_of(skeleton)
    present = np.ones(len(skeleton.joints), dtype=bool)
    np.testing.assert_allclose(
        body_frame(points, skeleton).origin_world, points[list(skeleton.torso)].mean(0), atol=EXACT
    )
    present[skeleton.torso[0]] = False
    rest = points[list(skeleton.torso[1:])].mean(0)
    np.testing.assert_allclose(body_frame(points, skeleton, present=present).origin_world, rest, atol=EXACT)


def test_without_a_frame_or_with_degenerate_joints_the_rotation_is_the_identity():
    skeleton = load_skeleton("hand21")
    zeros = np.zeros((2, 21, 3))
    absent = body_frame(_pose_of(skeleton), skeleton, present=np.zeros(21, dtype=bool))
    for frame in (body_frame(zeros, skeleton), body_frame(np.ones((3, 3)), _chain()), absent):
        assert not frame.ok.any()
        identity = np.broadcast_to(np.eye(3), frame.world_from_body.shape)
        np.testing.assert_array_equal(frame.world_from_body, identity)
    np.testing.assert_array_equal(absent.origin_world, 0.0)


def test_gradients_are_finite_where_all_joints_coincide():
    for name in ("hand21", "body17"):
        skeleton = load_skeleton(name)
        points = torch.zeros(len(skeleton.joints), 3, requires_grad=True)
        frame = body_frame(points, skeleton)
        total = frame.world_from_body.sum() + frame.origin_world.sum()
        total = total + bone_lengths(points, skeleton).sum() + joint_angles(points, skeleton).sum()
        wanted = torch.ones(len(skeleton.bones))
        total = (
            total + bone_directions(points, skeleton).sum() + set_bone_lengths(points, wanted, skeleton).sum()
        )
        total.backward()
        assert gradients_are_finite(points)


def test_torch_equals_numpy_and_gradients_are_right():
    skeleton = load_skeleton("hand21")
    points = _pose_of(skeleton)
    tensor = torch.tensor(points, requires_grad=True)
    for function in (bone_lengths, joint_angles, lambda *given: body_frame(*given).world_from_body):
        theirs = function(tensor, skeleton)
        np.testing.assert_allclose(theirs.detach().numpy(), function(points, skeleton), atol=EXACT)
        assert torch.autograd.gradcheck(lambda value, function=function: function(value, skeleton), tensor)


@given(st.lists(st.integers(0, 3), max_size=3))
def test_any_batch_shape_broadcasts(batch):
    skeleton = Skeleton(
        name="chain",
        joints=("a", "b", "c"),
        parents=(-1, 0, 1),
        mirror=(0, 1, 2),
        flexible=(False, False, False),
        torso=(0, 1),
        frame=BodyFrame(kind=FrameKind.HEADING, lateral=(0, 2)),
    )
    points = np.zeros((*batch, 3, 3))
    assert bone_lengths(points, skeleton).shape == (*batch, 2)
    assert joint_angles(points, skeleton).shape == (*batch, 3)
    assert body_frame(points, skeleton).world_from_body.shape == (*batch, 3, 3)
    assert set_bone_lengths(points, np.ones(2), skeleton).shape == (*batch, 3, 3)
