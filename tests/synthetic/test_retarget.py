import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.synthetic.body import BODY_JOINTS, body_model, standard_body
from mvmono3d.synthetic.landmarks import body_landmarks
from mvmono3d.synthetic.retarget import STANDARD_STATURE_M, fit_rotation, retarget, swing
from tests.synthetic.captured import as_captured, moving_body
from tests.tolerances import EXACT

LIMBS = [f"{side}_{name}" for side in ("left", "right") for name in ("elbow", "wrist", "knee", "ankle")]


def directions(landmarks):
    """Return the limbs' unit vectors."""
    parents = {"elbow": "shoulder", "wrist": "elbow", "knee": "hip", "ankle": "knee"}
    pairs = [(name, f"{name.split('_')[0]}_{parents[name.split('_')[1]]}") for name in LIMBS]
    ends = [
        landmarks[:, BODY_JOINTS.index(child)] - landmarks[:, BODY_JOINTS.index(parent)]
        for child, parent in pairs
    ]
    vectors = np.stack(ends, axis=1)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def moved():
    return moving_body(seed=3, subject=4)


@pytest.mark.parametrize("skeleton", ["body17", "body25", "body25b", "halpe26"])
def test_bones_have_the_length_that_the_body_has_and_keep_it(moved, skeleton):
    model, chosen = body_model(11), load_skeleton(skeleton)
    poses = retarget(moved[1], model)
    rigid = [bone for bone, (_, child) in enumerate(chosen.bones) if not chosen.flexible[child]]
    lengths = bone_lengths(poses.points_world[:, model.indices(chosen.joints)], chosen)[:, rigid]
    by_rules = moving_body(seed=0, subject=11)[2].points_world[:1, model.indices(chosen.joints)]
    expected = np.broadcast_to(bone_lengths(by_rules, chosen)[:, rigid], lengths.shape)
    np.testing.assert_allclose(lengths, expected, atol=EXACT)


def test_limbs_hips_and_feet_point_where_they_pointed(moved):
    _, landmarks, _ = moved
    model = body_model(11)
    seen = retarget(landmarks, model).points_world[:, model.indices(BODY_JOINTS)]
    np.testing.assert_allclose(directions(seen), directions(landmarks), atol=1e-9)
    for one, other in (("left_hip", "right_hip"), ("left_heel", "left_big_toe"), ("upper_neck", "nose")):
        a, b = BODY_JOINTS.index(one), BODY_JOINTS.index(other)
        before, after = (each[:, b] - each[:, a] for each in (landmarks, seen))
        cosine = (before * after).sum(axis=-1)
        cosine /= np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
        assert cosine.min() > np.cos(np.deg2rad(3.0))


def test_landmarks_of_a_body_come_back_on_a_body_of_its_size(moved):
    landmarks = body_landmarks(as_captured(moved[1]), rate_hz=60.0)
    legs = np.linalg.norm(
        np.diff(landmarks[0, [BODY_JOINTS.index(f"left_{n}") for n in ("hip", "knee")]], axis=0)
    )
    whole = standard_body(STANDARD_STATURE_M)
    model = standard_body(STANDARD_STATURE_M * float(legs / -whole.offset_m[whole.index("left_knee"), 2]))
    again = retarget(landmarks, model).points_world[:, model.indices(BODY_JOINTS)]
    np.testing.assert_allclose(again, landmarks, atol=2e-3)


def test_a_turned_and_shifted_motion_gives_a_turned_and_shifted_body(moved):
    model, landmarks, _ = moved
    turn = Rotation.from_euler("z", 70, degrees=True).as_matrix()
    before, after = retarget(landmarks, model), retarget(landmarks @ turn.T, model)
    np.testing.assert_allclose(after.points_world, before.points_world @ turn.T, atol=1e-9)
    np.testing.assert_allclose(after.world_from_node, turn @ before.world_from_node, atol=1e-9)


def test_rotations_of_nodes_are_rotations(moved):
    rotations = retarget(moved[1], body_model(2)).world_from_node
    eye = np.broadcast_to(np.eye(3), rotations.shape)
    np.testing.assert_allclose(rotations @ np.swapaxes(rotations, -1, -2), eye, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-9)


def test_a_swing_takes_one_direction_to_the_other_the_shortest_way():
    draw = np.random.default_rng(0)
    start, end = draw.normal(size=(2, 50, 3))
    start, end = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (start, end))
    turned = swing(start, end)
    np.testing.assert_allclose((turned @ start[:, :, None])[:, :, 0], end, atol=1e-9)
    angle = Rotation.from_matrix(turned).magnitude()
    np.testing.assert_allclose(angle, np.arccos((start * end).sum(axis=1)), atol=1e-6)


def test_a_fitted_rotation_is_the_one_that_was_applied():
    rest = np.random.default_rng(1).normal(size=(4, 3))
    turns = Rotation.from_rotvec(np.random.default_rng(2).normal(size=(30, 3))).as_matrix()
    np.testing.assert_allclose(fit_rotation(rest, rest @ np.swapaxes(turns, 1, 2)), turns, atol=1e-9)
