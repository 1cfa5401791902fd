import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.synthetic.actors import make_scene
from mvmono3d.synthetic.props import NO_PROPS, PropSettings
from mvmono3d.synthetic.scene import PropShape


def scene_with(skeleton, settings, *, seed, frames=120, rate_hz=60.0):
    return make_scene(
        load_skeleton(skeleton), frames=frames, rate_hz=rate_hz, seed=seed, subject=seed, props=settings
    )


def clearances(scene):
    """Signed distance-like depth (time prop joint): negative inside a prop."""
    pose = scene.props.world_from_prop
    apart = scene.points_world[:, None] - pose[:, :, None, :, 3]
    inside = np.einsum("tpji,tpkj->tpki", pose[..., :3], apart)
    result = np.empty(inside.shape[:3])
    for prop, (shape, size) in enumerate(zip(scene.props.shape, scene.props.size_m, strict=True)):
        local = inside[:, prop]
        if shape == PropShape.SPHERE:
            result[:, prop] = np.linalg.norm(local, axis=-1) - size[0]
        elif shape == PropShape.CYLINDER:
            across = np.hypot(local[..., 0], local[..., 1]) - size[0]
            result[:, prop] = np.maximum(across, np.abs(local[..., 2]) - size[2])
        else:
            result[:, prop] = (np.abs(local) - size).max(axis=-1)
    return result


def test_a_held_thing_moves_with_the_palm():
    for seed in range(6):
        scene = scene_with("hand21", PropSettings(held=1.0, moving=0, standing=0), seed=seed)
        palm = scene.points_world[:, [0, 5, 9, 17]]
        distance = np.linalg.norm(palm - scene.props.world_from_prop[:, :1, :, 3], axis=-1)
        # The palm cups a little, so that knuckles of ring and little finger come nearer.
        assert np.ptp(distance[:, :1], axis=0).max() < 1e-9
        assert np.ptp(distance, axis=0).max() < 0.03


def test_no_joint_is_ever_inside_what_the_hand_holds():
    for seed in range(40):
        scene = scene_with("hand21", PropSettings(held=1.0, moving=0, standing=0), seed=seed)
        assert len(scene.props.shape) == 1
        assert clearances(scene).min() > 0.002
        assert clearances(scene).min() < 0.05


@pytest.mark.parametrize("skeleton", ["hand21", "body25", "mouse15"])
def test_things_that_move_or_stand_never_hold_a_joint(skeleton):
    for seed in range(8):
        scene = scene_with(skeleton, PropSettings(held=0.0, moving=3, standing=3), seed=seed)
        if len(scene.props.shape):
            assert clearances(scene).min() > 0.0


def test_moving_things_keep_close_to_the_actor_and_move():
    for seed in range(10):
        scene = scene_with("hand21", PropSettings(held=0.0, moving=2, standing=0), seed=seed, frames=600)
        if not len(scene.props.shape):
            continue
        place = scene.props.world_from_prop[..., 3]
        apart = np.linalg.norm(place - scene.points_world.mean(axis=1)[:, None], axis=-1)
        assert apart.max() < 0.5
        assert np.ptp(place, axis=0).max() > 0.05
        speed = np.linalg.norm(np.diff(place, axis=0), axis=-1) * 60.0
        assert speed.max() < 6.0


def test_things_stand_on_the_floor_of_a_body_and_do_not_move():
    for seed in range(8):
        props = scene_with("body17", PropSettings(held=0.0, moving=0, standing=3), seed=seed).props
        np.testing.assert_array_equal(
            props.world_from_prop, np.broadcast_to(props.world_from_prop[:1], props.world_from_prop.shape)
        )
        np.testing.assert_allclose(props.world_from_prop[0, :, 2, 3], props.size_m[:, 2])


def test_poses_of_props_are_rotations():
    for skeleton in ("hand21", "body25"):
        props = scene_with(skeleton, PropSettings(held=1.0, moving=2, standing=2), seed=4).props
        rotation = props.world_from_prop[..., :3]
        identity = np.broadcast_to(np.eye(3), rotation.shape)
        np.testing.assert_allclose(np.swapaxes(rotation, -1, -2) @ rotation, identity, atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-9)


def test_props_do_not_depend_on_the_frame_rate():
    settings = PropSettings(held=1.0, moving=2, standing=2)
    for skeleton in ("hand21", "body25"):
        slow = scene_with(skeleton, settings, seed=2, frames=60, rate_hz=30.0).props
        fast = scene_with(skeleton, settings, seed=2, frames=240, rate_hz=120.0).props
        np.testing.assert_array_equal(fast.size_m, slow.size_m)
        np.testing.assert_allclose(fast.world_from_prop[::4], slow.world_from_prop, atol=1e-9)


def test_settings_bound_how_many_there_are():
    assert len(scene_with("hand21", NO_PROPS, seed=0).props.shape) == 0
    counts = [
        len(
            scene_with(
                "hand21", PropSettings(held=1.0, moving=1, standing=1), seed=seed, frames=2
            ).props.shape
        )
        for seed in range(20)
    ]
    assert set(counts) == {1, 2, 3}
