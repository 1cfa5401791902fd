"""Scenes: the actor that a skeleton's joint names ask for, moving among props.

The subject decides bone lengths, girth and the side of a hand; the seed decides the motion and the
props. Both are the whole of a scene's randomness, and its motion does not depend on the frame rate.
"""

from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.animal import WORKSPACE_SIZES, animal_model, animal_size, move_animal, walks
from mvmono3d.synthetic.body import BODY_JOINTS, body_model
from mvmono3d.synthetic.body_motion import WORKSPACE_M as BODY_WORKSPACE_M
from mvmono3d.synthetic.body_motion import move_body
from mvmono3d.synthetic.hand import HAND_JOINTS, hand_model
from mvmono3d.synthetic.hand_motion import WORKSPACE_M as HAND_WORKSPACE_M
from mvmono3d.synthetic.hand_motion import move_hand
from mvmono3d.synthetic.kinematic import KinematicModel, NodePoses, capsules_of, rest_points
from mvmono3d.synthetic.motion_file import RecordedMotion
from mvmono3d.synthetic.performance import Performance
from mvmono3d.synthetic.props import PropSettings, hold_as_tool, hold_in_hand, make_props
from mvmono3d.synthetic.recorded import move_as_recorded
from mvmono3d.synthetic.scene import Scene
from mvmono3d.synthetic.streams import generator
from mvmono3d.synthetic.workspace import Workspace, workspace_of_scenes


class Staged(NamedTuple):
    """A scene, and the whole model that moves in it."""

    scene: Scene
    performance: Performance


def make_scene(
    skeleton: Skeleton,
    *,
    frames: int,
    rate_hz: float,
    seed: int,
    subject: int,
    props: PropSettings | None = None,
    motion: RecordedMotion | None = None,
) -> Scene:
    """Draw a scene for a skeleton: a hand or body where its joint names are theirs, else an animal.

    A body moves by rules, or as recorded people did where `motion` is given. Raises `ConfigurationError`
    for an animal without rest pose, recorded motion of no body, and impossible numbers.
    """
    if frames < 1 or not rate_hz > 0.0 or seed < 0 or subject < 0:
        raise ConfigurationError(
            "a scene needs frames >= 1, rate_hz > 0, seed >= 0 and subject >= 0; "
            f"got frames={frames}, rate_hz={rate_hz}, seed={seed}, subject={subject}"
        )
    time_s = np.arange(frames) / rate_hz
    return stage(skeleton, time_s, seed=seed, subject=subject, props=props, motion=motion).scene


def stage(
    skeleton: Skeleton,
    time_s: Float[Array, " time"],
    *,
    seed: int,
    subject: int,
    props: PropSettings | None = None,
    motion: RecordedMotion | None = None,
) -> Staged:
    """Draw the scene of `make_scene` at any times from 0 on (s, ascending), with its actor's nodes."""
    settings = PropSettings() if props is None else props
    holds = bool(generator(seed, "scene holds").random() < settings.held)
    perform = _perform if motion is None else partial(_perform_recorded, motion)
    performance = perform(skeleton, time_s, seed=seed, subject=subject, holds=holds)
    scene = Scene(
        points_world=performance.points_world[:, performance.joints],
        capsules=capsules_of(performance.model, performance.points_world, joints=performance.joints),
        props=make_props(performance, time_s, settings=settings, seed=seed),
        time_ns=np.round(time_s * 1e9).astype(np.int64),
    )
    return Staged(scene, performance)


@lru_cache(maxsize=16)
def workspace_of_actor(skeleton: Skeleton) -> Workspace:
    """Return the ball in which a skeleton's actors move, whoever they are."""
    scenes = [make_scene(skeleton, frames=24, rate_hz=2.0, seed=seed, subject=seed) for seed in range(24)]
    return workspace_of_scenes(scenes)


def _perform(
    skeleton: Skeleton, time_s: Float[Array, " time"], *, seed: int, subject: int, holds: bool
) -> Performance:
    joints = set(skeleton.joints)
    if joints <= set(HAND_JOINTS):
        return _perform_hand(skeleton, time_s, seed=seed, subject=subject, holds=holds)
    if joints <= set(BODY_JOINTS):
        return _perform_body(skeleton, time_s, seed=seed, subject=subject, holds=holds)
    model = animal_model(skeleton, subject)
    size = animal_size(model)
    points, rotations = move_animal(model, time_s, skeleton=skeleton, seed=seed)
    return Performance(
        model=model,
        points_world=points,
        world_from_node=rotations,
        joints=model.indices(skeleton.joints),
        centre_world=points[:, 0],
        reach_m=size,
        workspace_m=WORKSPACE_SIZES * size,
        on_floor=walks(skeleton),
    )


def _perform_hand(
    skeleton: Skeleton, time_s: Float[Array, " time"], *, seed: int, subject: int, holds: bool
) -> Performance:
    model = hand_model(subject)
    motion = move_hand(model, time_s, seed=seed, holds=holds)
    rng = generator(seed, "scene held")
    held = None
    if motion.held is not None:
        wrist = _pose(motion.poses, 0)
        held = hold_in_hand(model, grasp=motion.held, grip=motion.grip, world_from_wrist=wrist, rng=rng)
    joints = model.indices(HAND_JOINTS)
    palm = model.offset_m[model.index("middle_mcp")] / 2.0
    points, wrist_rotation = motion.poses.points_world, motion.poses.world_from_node[:, 0]
    return Performance(
        model=model,
        points_world=points,
        world_from_node=motion.poses.world_from_node,
        joints=model.indices(skeleton.joints),
        centre_world=points[:, 0] + wrist_rotation @ palm,
        reach_m=1.03 * float(np.linalg.norm(rest_points(model)[joints] - palm, axis=1).max()),
        workspace_m=HAND_WORKSPACE_M + float(np.linalg.norm(palm)),
        on_floor=False,
        held=held,
    )


def _perform_body(
    skeleton: Skeleton, time_s: Float[Array, " time"], *, seed: int, subject: int, holds: bool
) -> Performance:
    model = body_model(subject)
    poses = move_body(model, time_s, seed=seed)
    return _as_body(skeleton, model, poses, seed=seed, holds=holds)


def _perform_recorded(
    motion: RecordedMotion,
    skeleton: Skeleton,
    time_s: Float[Array, " time"],
    *,
    seed: int,
    subject: int,
    holds: bool,
) -> Performance:
    if not set(skeleton.joints) <= set(BODY_JOINTS):
        raise ConfigurationError(
            f"skeleton {skeleton.name!r} has no recorded motion, which is of bodies: set motion_share to 0"
        )
    model = body_model(subject)
    poses = move_as_recorded(model, motion, time_s, seed=seed, subject=subject, workspace_m=BODY_WORKSPACE_M)
    return _as_body(skeleton, model, poses, seed=seed, holds=holds)


def _as_body(
    skeleton: Skeleton, model: KinematicModel, poses: NodePoses, *, seed: int, holds: bool
) -> Performance:
    rng = generator(seed, "scene held")
    side = ("left", "right")[int(rng.integers(2))]
    hand = _pose(poses, model.index(f"{side}_grip"))
    rest = rest_points(model)
    arm = float(-model.offset_m[model.indices(("right_elbow", "right_wrist", "right_fingers")), 2].sum())
    return Performance(
        model=model,
        points_world=poses.points_world,
        world_from_node=poses.world_from_node,
        joints=model.indices(skeleton.joints),
        centre_world=poses.points_world[:, 0],
        reach_m=float(np.linalg.norm(rest[model.index("right_shoulder")])) + arm,
        workspace_m=BODY_WORKSPACE_M,
        on_floor=True,
        held=hold_as_tool(hand, rng=rng) if holds else None,
    )


def _pose(poses: NodePoses, node: int) -> Float[Array, "time 3 4"]:
    return np.concatenate((poses.world_from_node[:, node], poses.points_world[:, node, :, None]), axis=2)
