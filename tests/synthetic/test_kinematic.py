import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.errors import InvalidRecordError, UnknownNameError
from mvmono3d.geometry.kinematics import forward_kinematics
from mvmono3d.synthetic.kinematic import (
    Flesh,
    Hinge,
    Node,
    build_model,
    capsules_of,
    forward,
    local_rotations,
    mirrored,
    rest_points,
    rotation_zyx,
    touching,
)

NODES = [
    Node("base", None, (0.0, 0.0, 0.0)),
    Node("arm", "base", (0.3, 0.1, 0.0)),
    Node("skin", "arm", (0.0, 0.0, 0.1)),
    Node("hand", "arm", (0.0, 0.4, 0.1)),
]
HINGES = [
    Hinge("base turn", "base", (0.0, 0.0, 2.0), -90, 90),
    Hinge("arm bend", "arm", (1.0, 1.0, 0.0), -30, 60),
    Hinge("arm twist", "arm", (0.0, 1.0, 0.0), -45, 45),
]
FLESH = [Flesh("base", "arm", 0.05), Flesh("arm", "hand", 0.06)]


@pytest.fixture
def model():
    return build_model(NODES, HINGES, flesh=FLESH)


@pytest.fixture
def motion(model):
    rng = np.random.default_rng(0)
    angles = rng.uniform(model.lower, model.upper, (50, 3))
    return angles, rng.normal(size=(50, 3)), Rotation.from_rotvec(2.0 * rng.normal(size=(50, 3))).as_matrix()


def place(model, angles, position, rotation):
    return forward(
        model, local_rotations(model, angles), root_position=position, root_rotation=rotation, stretch=None
    )


def test_forward_kinematics_agrees_with_scipy(model, motion):
    angles, position, rotation = motion
    poses = place(model, angles, position, rotation)
    turn = Rotation.from_rotvec(angles[:, :1] * model.axis[0])
    bend = Rotation.from_rotvec(angles[:, 1:2] * model.axis[1])
    twist = Rotation.from_rotvec(angles[:, 2:] * model.axis[2])
    base = Rotation.from_matrix(rotation) * turn
    arm = base * bend * twist
    elbow = position + base.apply(model.offset_m[1])
    np.testing.assert_allclose(poses.points_world[:, 1], elbow, atol=1e-12)
    np.testing.assert_allclose(poses.points_world[:, 3], elbow + arm.apply(model.offset_m[3]), atol=1e-12)
    np.testing.assert_allclose(poses.world_from_node[:, 3], arm.as_matrix(), atol=1e-12)


def test_the_compiled_chain_agrees_with_the_geometry_of_every_array_kind(model, motion):
    angles, position, rotation = motion
    local = local_rotations(model, angles)
    poses = place(model, angles, position, rotation)
    local[:, 0] = rotation @ local[:, 0]
    reference = forward_kinematics(
        local, model.offset_m, root=position, parents=tuple(model.parents.tolist())
    )
    np.testing.assert_allclose(poses.points_world, reference.points, atol=1e-12)
    np.testing.assert_allclose(poses.world_from_node, reference.rotations, atol=1e-12)


def test_bones_keep_their_length_and_stretch_only_where_asked(model, motion):
    angles, position, rotation = motion
    local = local_rotations(model, angles)
    stretch = np.ones((50, 4))
    stretch[:, 3] = np.linspace(0.9, 1.1, 50)
    poses = forward(model, local, root_position=position, root_rotation=rotation, stretch=stretch)
    bone = np.linalg.norm(poses.points_world[:, 1:] - poses.points_world[:, model.parents[1:]], axis=-1)
    rest = np.linalg.norm(model.offset_m[1:], axis=-1)
    np.testing.assert_allclose(bone, rest * stretch[:, 1:], atol=1e-12)


def test_no_angles_means_the_rest_pose(model):
    poses = place(model, np.zeros((1, 3)), np.zeros((1, 3)), np.eye(3)[None])
    np.testing.assert_allclose(poses.points_world[0], rest_points(model), atol=1e-15)


def test_a_mirrored_model_gives_the_mirrored_pose(model, motion):
    angles, _, _ = motion
    still, straight = np.zeros((50, 3)), np.broadcast_to(np.eye(3), (50, 3, 3))
    here = place(model, angles, still, straight).points_world
    there = place(mirrored(model), angles, still, straight).points_world
    np.testing.assert_allclose(there, here * np.array([-1.0, 1.0, 1.0]), atol=1e-12)


def test_rotation_zyx_agrees_with_scipy():
    angles = np.random.default_rng(0).uniform(-3.0, 3.0, (40, 3))
    np.testing.assert_allclose(
        rotation_zyx(angles), Rotation.from_euler("ZYX", angles).as_matrix(), atol=1e-12
    )


def test_capsules_follow_their_nodes(model, motion):
    poses = place(model, *motion)
    capsules = capsules_of(model, poses.points_world, joints=np.array([0, 1, 3]))
    np.testing.assert_array_equal(capsules.start_world[:, 1], poses.points_world[:, 1])
    np.testing.assert_array_equal(capsules.end_world[:, 1], poses.points_world[:, 3])
    assert capsules.touches.shape == (3, 2)


def test_a_joint_touches_flesh_that_ends_in_it_or_holds_it_but_not_what_it_lies_on(model):
    touches = touching(model, model.indices(("base", "arm", "skin", "hand")))
    assert touches.tolist() == [[True, False], [True, True], [False, False], [False, True]]


def test_the_nodes_that_move_are_known_by_name(model):
    assert model.moving == ("base", "arm")
    assert model.index("hand") == 3
    with pytest.raises(UnknownNameError, match="did you mean 'hand'"):
        model.index("hend")


def test_a_node_before_its_parent_is_refused():
    with pytest.raises(InvalidRecordError, match="'arm' hangs on 'base'"):
        build_model([NODES[1], NODES[0]], [], flesh=[])
