from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, skeleton_names
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.synthetic.actors import make_scene

HAND = load_skeleton("hand21")


def scene_of(skeleton, *, seed=1, subject=1, frames=90, rate_hz=60.0):
    return make_scene(skeleton, frames=frames, rate_hz=rate_hz, seed=seed, subject=subject)


def bytes_of(scene):
    arrays = []
    scene.map(lambda array: arrays.append(array) or array)
    return b"".join(array.tobytes() for array in arrays)


def rigid(skeleton):
    return [index for index, (_, child) in enumerate(skeleton.bones) if not skeleton.flexible[child]]


@pytest.mark.parametrize("name", skeleton_names())
def test_every_shipped_skeleton_has_a_scene(name):
    skeleton = load_skeleton(name)
    scene = scene_of(skeleton)
    joints, capsules = len(skeleton.joints), len(scene.capsules.radius_m)
    assert scene.points_world.shape == (90, joints, 3)
    assert scene.points_world.dtype == np.float64
    assert scene.capsules.touches.shape == (joints, capsules)
    assert (scene.capsules.radius_m > 0.0).all()
    assert np.isfinite(scene.points_world).all()
    lengths = bone_lengths(scene.points_world, skeleton)[:, rigid(skeleton)]
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=1e-9)


@pytest.mark.parametrize("name", ["hand21", "body25b", "mouse15"])
def test_the_same_seed_and_subject_give_the_same_bytes_and_others_do_not(name):
    skeleton = load_skeleton(name)
    first = bytes_of(scene_of(skeleton))
    assert bytes_of(scene_of(skeleton)) == first
    assert bytes_of(scene_of(skeleton, seed=2)) != first
    assert bytes_of(scene_of(skeleton, subject=2)) != first


@pytest.mark.parametrize("name", skeleton_names())
def test_the_subject_alone_decides_bones_and_girth(name):
    skeleton = load_skeleton(name)
    one, same, other = (scene_of(skeleton, seed=seed, subject=who) for seed, who in ((1, 5), (2, 5), (1, 6)))
    bones = [bone_lengths(scene.points_world, skeleton)[0, rigid(skeleton)] for scene in (one, same, other)]
    np.testing.assert_allclose(bones[0], bones[1], atol=1e-9)
    np.testing.assert_array_equal(one.capsules.radius_m, same.capsules.radius_m)
    assert np.abs(bones[0] / bones[2] - 1.0).max() > 0.005
    assert np.abs(one.capsules.radius_m / other.capsules.radius_m - 1.0).max() > 0.005


@pytest.mark.parametrize("name", ["hand21", "body17", "mouse15"])
def test_a_scene_does_not_depend_on_the_frame_rate_or_on_its_length(name):
    skeleton = load_skeleton(name)
    slow = scene_of(skeleton, frames=45, rate_hz=30.0)
    fast = scene_of(skeleton, frames=300, rate_hz=120.0)
    np.testing.assert_allclose(fast.points_world[:180:4], slow.points_world, atol=1e-9)
    np.testing.assert_allclose(fast.capsules.end_world[:180:4], slow.capsules.end_world, atol=1e-9)
    np.testing.assert_allclose(np.diff(slow.time_ns), 1e9 / 30.0, atol=1.0)
    assert slow.time_ns.dtype == np.int64


def test_flesh_covers_every_bone_of_the_hand():
    scene = scene_of(HAND)
    for parent, child in HAND.bones:
        middle = 0.5 * (scene.points_world[0, parent] + scene.points_world[0, child])
        start, along = (
            scene.capsules.start_world[0],
            (scene.capsules.end_world - scene.capsules.start_world)[0],
        )
        share = np.clip(((middle - start) * along).sum(axis=1) / (along**2).sum(axis=1), 0.0, 1.0)
        gap = np.linalg.norm(start + share[:, None] * along - middle, axis=1) - scene.capsules.radius_m
        assert gap.min() < 0.0


def test_every_joint_of_the_hand_touches_its_own_flesh_and_not_its_neighbours():
    touches = scene_of(HAND).capsules.touches
    assert touches.any(axis=1).all()
    index, middle = (touches[HAND.index(f"{finger}_pip")] for finger in ("index", "middle"))
    assert not (index & middle).any()


def test_joints_are_found_by_name_in_any_order():
    names = ("index_tip", "wrist", "index_mcp")
    few = Skeleton(
        name="few", joints=names, parents=(2, -1, 1), mirror=(0, 1, 2), flexible=(False,) * 3, torso=(1,)
    )
    whole = scene_of(HAND).points_world
    np.testing.assert_array_equal(scene_of(few).points_world, whole[:, [HAND.index(name) for name in names]])


def test_a_single_frame_is_a_scene():
    assert scene_of(load_skeleton("body25"), frames=1).points_world.shape == (1, 25, 3)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"rate_hz": 0.0}, {"seed": -1}, {"subject": -1}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="frames >= 1, rate_hz > 0, seed >= 0 and subject >= 0"):
        scene_of(HAND, **wrong)


def test_an_animal_without_rest_pose_is_refused():
    with pytest.raises(ConfigurationError, match="rest_m"):
        scene_of(replace(load_skeleton("mouse15"), rest_m=None))
