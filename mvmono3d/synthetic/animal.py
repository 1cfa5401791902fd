"""Any animal that a skeleton with a rest pose describes: bones that bend at random, going its ways.

The rest pose (`rest_m`) gives size and shape, `radius_m` the flesh, `frame` the way it looks. An animal
whose rest pose lies above z = 0 walks on that floor; any other floats.
"""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.kinematic import (
    Flesh,
    Hinge,
    KinematicModel,
    Node,
    NodePoses,
    build_model,
    forward,
    local_rotations,
    rest_points,
    rotation_zyx,
)
from mvmono3d.synthetic.motion import (
    DRAWS_PER_MOVE,
    Moves,
    Pace,
    draw_noise,
    moves_needed,
    plan_moves,
    sample_activity,
    sample_moves,
    sample_noise,
    soften,
)
from mvmono3d.synthetic.streams import generator

WORKSPACE_SIZES = 1.2
"""Radius of the workspace in lengths of the animal."""
STRETCH = 0.05
"""How far a flexible bone leaves its length."""
_FREE_DEG, _TORSO_DEG, _SKIN_DEG = 25.0, 9.0, 4.0
_TARGET_SHARE, _NOISE_SHARE = 0.7, 0.35
_AXES = {"roll": (1.0, 0.0, 0.0), "pitch": (0.0, 1.0, 0.0), "yaw": (0.0, 0.0, 1.0)}

# Lengths of the animal per second.
_GO = Pace(slow=0.3, fast=2.5, quick=5.0, acceleration=40.0, pause_share=0.4, pause_s=(0.2, 2.0))
_SIZES_PER_RAD = 0.5
_BEND = Pace(slow=0.5, fast=4.0, quick=9.0, acceleration=120.0)
_TURN_SHARE = 0.6
_SWAY_RAD = np.deg2rad([4.0, 6.0, 6.0])
_FLOAT_SIZES = 0.3
_BOB_SIZES = 0.02
_FLOOR_SOFTNESS = 0.004


def animal_model(skeleton: Skeleton, subject: int) -> KinematicModel:
    """Build a subject of a skeleton's kind; raises `ConfigurationError` where there is no rest pose."""
    if skeleton.rest_m is None:
        raise ConfigurationError(
            f"skeleton {skeleton.name!r} has no rest pose, so nothing tells how its joints lie: add "
            "'rest_m: [x, y, z]' (metres, +Z up) to every joint of its YAML file, and 'radius_m' for flesh"
        )
    rng = generator(subject, "animal subject")
    size, girth = np.clip(rng.normal(1.0, 0.08, 2), 0.8, 1.2).tolist()
    own = np.clip(rng.normal(1.0, 0.04, len(skeleton.joints)), 0.88, 1.12)
    own = own[np.minimum(np.arange(len(own)), skeleton.mirror)] * size
    rest = np.array(skeleton.rest_m)
    nodes = [Node(skeleton.joints[skeleton.root], None, (0.0, 0.0, 0.0))]
    hinges: list[Hinge] = []
    flesh: list[Flesh] = []
    for joint in skeleton.order[1:]:
        name, parent = skeleton.joints[joint], skeleton.joints[skeleton.parents[joint]]
        x, y, z = (own[joint] * (rest[joint] - rest[skeleton.parents[joint]])).tolist()
        # A hidden node turns each bone on its own, so that brothers move apart.
        nodes += [Node(f"{name}/bone", parent, (0.0, 0.0, 0.0)), Node(name, f"{name}/bone", (x, y, z))]
        limit = _limit_deg(skeleton, joint)
        hinges += [
            Hinge(f"{name}/{turn}", f"{name}/bone", axis, -limit, limit) for turn, axis in _AXES.items()
        ]
        radius = 0.0 if skeleton.radius_m is None else skeleton.radius_m[joint]
        if radius > 0.0:
            flesh.append(Flesh(parent, name, radius * size * girth))
    return build_model(nodes, hinges, flesh=flesh)


def _limit_deg(skeleton: Skeleton, joint: int) -> float:
    if skeleton.radius_m is not None and skeleton.radius_m[joint] == 0.0:
        return _SKIN_DEG
    return _TORSO_DEG if joint in skeleton.torso else _FREE_DEG


def animal_size(model: KinematicModel) -> float:
    """Return the largest distance between two joints at rest."""
    rest = rest_points(model)
    return float(np.linalg.norm(rest[:, None] - rest, axis=-1).max())


def walks(skeleton: Skeleton) -> bool:
    """Return whether the rest pose stands on the floor z = 0."""
    return skeleton.rest_m is not None and min(point[2] for point in skeleton.rest_m) >= 0.0


def move_animal(
    model: KinematicModel, time_s: Float[Array, " time"], *, skeleton: Skeleton, seed: int
) -> NodePoses:
    """Move an animal round the origin; the time starts at or after 0."""
    go, bend, tremble = (generator(seed, f"animal {part}") for part in ("go", "bend", "tremble"))
    size = animal_size(model)
    place, heading = _wander(time_s, size=size, rng=go, ahead=_ahead(skeleton))
    amplitude = np.concatenate(
        (_NOISE_SHARE * model.upper, _SWAY_RAD, np.full(len(model.names), STRETCH), [1.0])
    )
    noise = sample_noise(draw_noise(tremble, amplitude, band_hz=(0.2, 4.0)), time_s)
    activity = sample_activity(tremble, time_s)
    count = len(model.angles)
    angles = _bend(model, time_s, rng=bend) + noise[:, :count] * activity
    sway = noise[:, count : count + 3] * activity
    sway[:, 0] += heading
    height = _FLOAT_SIZES if not walks(skeleton) else _BOB_SIZES
    poses = forward(
        model,
        local_rotations(model, soften(angles, lower=model.lower, upper=model.upper)),
        root_position=np.concatenate((place, height * size * noise[:, -1:]), axis=1),
        root_rotation=rotation_zyx(sway),
        stretch=_stretch(model, skeleton, noise[:, count + 3 : -1]),
    )
    return _above_floor(poses, model, size=size, skeleton=skeleton) if walks(skeleton) else poses


def _ahead(skeleton: Skeleton) -> float:
    """Return the heading that the rest pose looks to: across the frame's left-to-right, or +X."""
    if skeleton.frame is None or skeleton.rest_m is None:
        return 0.0
    left, right = (np.array(skeleton.rest_m[joint]) for joint in skeleton.frame.lateral)
    x, y, _ = (right - left).tolist()
    return float(np.arctan2(x, -y)) if np.hypot(x, y) > 0.0 else 0.0


def _wander(
    time_s: Float[Array, " time"], *, size: float, rng: np.random.Generator, ahead: float
) -> tuple[Float[Array, "time 2"], Float[Array, " time"]]:
    draws = rng.random((moves_needed(float(time_s[-1]), _GO) + 1, DRAWS_PER_MOVE + 3))
    around, radius = 2.0 * np.pi * draws[:, -3], WORKSPACE_SIZES * np.sqrt(draws[:, -2])
    target = np.stack((radius * np.cos(around), radius * np.sin(around)), axis=1)
    way = np.diff(target, axis=0, prepend=np.zeros((1, 2)))
    heading = np.unwrap(np.arctan2(way[:, 1], way[:, 0]) + 0.5 * (draws[:, -1] - 0.5)) - ahead
    far = np.linalg.norm(np.diff(target, axis=0), axis=1)
    far = np.maximum(far, _SIZES_PER_RAD * np.abs(np.diff(heading)))
    moves = plan_moves(size * target, far, draws=draws[:-1, :DRAWS_PER_MOVE], pace=_GO)
    turns = Moves(
        start_s=moves.start_s,
        duration_s=_TURN_SHARE * moves.duration_s,
        target=np.concatenate((heading[:1], heading))[:, None],
    )
    return sample_moves(moves, time_s), sample_moves(turns, time_s)[:, 0]


def _bend(
    model: KinematicModel, time_s: Float[Array, " time"], *, rng: np.random.Generator
) -> Float[Array, "time angle"]:
    draws = rng.random((moves_needed(float(time_s[-1]), _BEND) + 1, DRAWS_PER_MOVE + len(model.angles)))
    target = _TARGET_SHARE * model.upper * (2.0 * draws[:, DRAWS_PER_MOVE:] - 1.0)
    far = np.abs(np.diff(target, axis=0)).max(axis=1, initial=0.0)
    return sample_moves(plan_moves(target, far, draws=draws[:-1, :DRAWS_PER_MOVE], pace=_BEND), time_s)


def _stretch(
    model: KinematicModel, skeleton: Skeleton, noise: Float[Array, "time node"]
) -> Float[Array, "time node"]:
    flexible = {name for name, bends in zip(skeleton.joints, skeleton.flexible, strict=True) if bends}
    return 1.0 + noise * np.array([name in flexible for name in model.names])


def _above_floor(poses: NodePoses, model: KinematicModel, *, size: float, skeleton: Skeleton) -> NodePoses:
    """Lift the whole animal smoothly so that no joint sinks below the floor."""
    rest = np.array(skeleton.rest_m)
    scale = size / np.linalg.norm(rest[:, None] - rest, axis=-1).max()
    points = poses.points_world + np.array([0.0, 0.0, scale * rest[skeleton.root, 2]])
    soft = _FLOOR_SOFTNESS * size
    sunk = np.log1p(np.exp(-points[:, :, 2] / soft).sum(axis=1)) * soft
    points[:, :, 2] += sunk[:, None]
    return NodePoses(points, poses.world_from_node)
