import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.synthetic.body import BODY_JOINTS, SOLE_M, body_model
from mvmono3d.synthetic.body_motion import WORKSPACE_M, move_body
from mvmono3d.synthetic.kinematic import rest_points, touching

RATE_HZ = 120.0
SKELETONS = ("body17", "body25", "body25b", "halpe26")
FEET = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("heel", "big_toe", "small_toe"))


def seconds(duration, rate_hz=RATE_HZ):
    return np.arange(round(duration * rate_hz)) / rate_hz


@pytest.fixture(scope="module")
def walks():
    models = [body_model(subject) for subject in range(12)]
    return [(model, move_body(model, seconds(20.0), seed=seed)) for seed, model in enumerate(models)]


def test_the_body_has_every_landmark_of_the_shipped_skeletons():
    names = {joint for name in SKELETONS for joint in load_skeleton(name).joints}
    assert names == set(BODY_JOINTS)


@pytest.mark.parametrize("name", SKELETONS)
def test_rigid_bones_keep_their_length(name, walks):
    skeleton = load_skeleton(name)
    rigid = [index for index, (_, child) in enumerate(skeleton.bones) if not skeleton.flexible[child]]
    for model, poses in walks[:3]:
        lengths = bone_lengths(poses.points_world[:, model.indices(skeleton.joints)], skeleton)[:, rigid]
        np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=1e-9)


def test_feet_stay_on_the_floor(walks):
    for model, poses in walks:
        height = poses.points_world[:, model.indices(FEET), 2]
        assert height.min() > SOLE_M - 0.003
        lowest = height.min(axis=1)
        assert np.quantile(lowest, 0.98) < SOLE_M + 0.01
        assert lowest.max() < SOLE_M + 0.05


def test_a_foot_that_bears_does_not_slide(walks):
    for model, poses in walks:
        toes = poses.points_world[:, model.indices(("left_big_toe", "right_big_toe"))]
        speed = np.linalg.norm(np.diff(toes, axis=0), axis=-1) * RATE_HZ
        assert np.quantile(speed.min(axis=1), 0.95) < 0.1


def test_limbs_bend_as_limbs_do(walks):
    for model, poses in walks:
        thigh, shank = (poses.world_from_node[:, model.index(f"left_{name}")] for name in ("hip", "knee"))
        between = np.swapaxes(thigh, 1, 2) @ shank
        flexion = np.arctan2(-between[:, 2, 1], between[:, 1, 1])
        assert flexion.min() > 0.0
        assert flexion.max() < np.deg2rad(150.0)
        np.testing.assert_allclose(between[:, 0, 0], 1.0, atol=1e-9)
        for node in ("left_elbow", "right_elbow"):
            upper = poses.world_from_node[:, model.index(node.replace("elbow", "shoulder"))]
            turn = np.swapaxes(upper, 1, 2) @ poses.world_from_node[:, model.index(node)]
            bend = np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
            assert bend.min() >= 0.0
            assert bend.max() <= np.deg2rad(145.0)


def test_bodies_stand_upright_walk_and_squat(walks):
    hips, heads, way = [], [], []
    for model, poses in walks:
        stature = rest_points(model)[model.index("head_top"), 2]
        hips.append(poses.points_world[:, 0, 2] / stature)
        heads.append(poses.points_world[:, model.index("head_top"), 2] - poses.points_world[:, 0, 2])
        way.append(np.ptp(poses.points_world[:, 0, :2], axis=0).max())
        assert np.linalg.norm(poses.points_world[:, 0, :2], axis=1).max() < WORKSPACE_M + 0.2
    assert min(np.concatenate(heads)) > 0.3
    assert np.median(np.concatenate(hips)) > 1.0
    assert min(np.concatenate(hips)) < 0.95
    assert max(way) > 0.8


def test_bodies_are_as_tall_as_people():
    statures = []
    for subject in range(100):
        model = body_model(subject)
        rest = rest_points(model)
        statures.append(rest[model.index("head_top"), 2] - rest[model.index("left_heel"), 2] + SOLE_M)
    assert 1.60 < np.mean(statures) < 1.85
    assert 1.40 < min(statures) < max(statures) < 2.15


def test_speeds_and_accelerations_are_a_bodys(walks):
    for model, poses in walks:
        velocity = np.diff(poses.points_world, axis=0) * RATE_HZ
        acceleration = np.linalg.norm(np.diff(velocity, axis=0), axis=-1) * RATE_HZ
        speed = np.linalg.norm(velocity, axis=-1)
        assert speed[:, model.index("mid_hip")].max() < 2.5
        assert speed[:, model.index("left_wrist")].max() < 8.0
        assert speed[:, model.index("left_ankle")].max() < 6.5
        assert acceleration[:, model.index("mid_hip")].max() < 15.0
        assert acceleration.max() < 450.0


def test_the_head_hides_the_face_but_holds_neither_eyes_nor_ears():
    model = body_model(0)
    skin = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    assert not touching(model, model.indices(skin)).any()
    inside = touching(model, model.indices(("left_hip", "right_shoulder", "left_knee", "neck")))
    assert inside.any(axis=1).all()


def test_the_motion_does_not_depend_on_the_frame_rate():
    model = body_model(1)
    slow, fast = (move_body(model, seconds(4.0, rate), seed=9).points_world for rate in (30.0, 120.0))
    np.testing.assert_allclose(fast[::4], slow, atol=1e-9)
