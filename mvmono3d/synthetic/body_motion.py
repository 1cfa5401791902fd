"""What bodies do: walk, turn, stop, squat, lean, reach and gesture with both arms."""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.body import ARM_ANGLES, SOLE_M, TRUNK_ANGLES
from mvmono3d.synthetic.gait import (
    MARGIN_S,
    FootMotion,
    LegSize,
    Path,
    plan_feet,
    sample_foot,
    sample_lowering,
    sample_path,
    solve_leg,
)
from mvmono3d.synthetic.kinematic import (
    KinematicModel,
    NodePoses,
    forward,
    local_rotations,
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

WORKSPACE_M = 0.75
_WALK = Pace(
    slow=0.4, fast=1.15, quick=1.4, acceleration=2.5, pause_share=0.5, pause_s=(0.2, 2.5), shortest_s=0.6
)
SIDES = ("left", "right")
_TURN_M_PER_RAD = 0.8
_TURN_SHARE = 0.6
"""Share of a walk's time in which the body has turned."""
_SQUAT = Pace(slow=0.25, fast=0.9, quick=1.3, acceleration=5.0, pause_s=(0.2, 2.5), shortest_s=0.5)
_GESTURE = Pace(slow=0.8, fast=4.0, quick=8.0, acceleration=60.0, pause_share=0.4, shortest_s=0.3)
_DEEPEST = 0.32
"""Deepest squat, in leg lengths."""
_STANDING = 0.975
_TREMBLE_RAD = np.deg2rad([2.0] * len(TRUNK_ANGLES) + [3.0] * 2 * len(ARM_ANGLES))
_ARM_SWING = 1.0
"""Shoulder flexion (rad) per metre that the opposite foot is ahead."""

# Degrees, in the order of ARM_ANGLES.
_GESTURES_DEG = (
    (0, 0, 4, 7, 5, 14, 10, 0),  # hanging, three times as often as another
    (0, 0, 4, 7, 5, 14, 10, 0),
    (0, 0, 4, 7, 5, 14, 10, 0),
    (0, 0, 0, 12, 10, 30, 30, 10),
    (3, 12, 80, 5, 5, 18, 10, 0),  # reaching ahead
    (18, 0, 155, 12, 0, 15, 0, 0),  # reaching up
    (8, 0, 10, 85, 0, 18, 0, 0),  # reaching aside
    (2, 8, 35, 8, 45, 105, 40, 0),  # hand at the chest
    (5, -5, -28, 42, 40, 88, 0, 30),  # hand on the hip
    (6, 0, 55, 65, -55, 105, 0, 0),  # waving
    (12, 5, 105, 35, 20, 125, 0, 0),  # hand at the head
    (0, 10, 42, 4, 0, 12, 20, 0),  # reaching down and ahead
    (0, 5, 28, 6, 15, 85, 60, -10),  # hands before the belly
    (3, 15, 75, -8, 45, 50, 20, 0),  # across the body
)


_TRUNK_SHARE = np.array([0.25] * 2 + [0.35] * 3 + [0.4] * 3 + [0.6] * 3 + [0.7] * 2)
"""Share of each trunk angle's range that targets take."""


def move_body(model: KinematicModel, time_s: Float[Array, " time"], *, seed: int) -> NodePoses:
    """Move a body about the floor z = 0 round the origin; the time starts at or after 0."""
    walk, foot, squat, tremble = (
        generator(seed, f"body {part}") for part in ("walk", "foot", "squat", "tremble")
    )
    longest = float(time_s[-1])
    path = _plan_path(longest, rng=walk)
    hip_m = float(model.offset_m[model.index("right_hip"), 0])
    front_m = float(model.offset_m[model.index("right_big_toe"), 1])
    plans = plan_feet(path, duration_s=longest, hip_m=hip_m, first=int(foot.integers(2)))
    left, right = (sample_foot(plan, time_s, front_m=front_m) for plan in plans)
    track = sample_path(path, time_s)
    depth = _sample_depth(time_s, rng=squat)
    angles = _gestures(model, time_s, seed=seed) + _follow_legs((left, right), track, depth=depth)
    noise = sample_noise(draw_noise(tremble, _TREMBLE_RAD, band_hz=(0.1, 2.0)), time_s)
    angles += noise * sample_activity(tremble, time_s, still=0.05)
    angles = soften(angles, lower=model.lower, upper=model.upper)
    lowering = sample_lowering(path, time_s)
    local = local_rotations(model, angles)
    return _stand(model, local, track=track, feet=(left, right), depth=depth, lowering=lowering)


def _plan_path(duration_s: float, *, rng: np.random.Generator) -> Path:
    draws = rng.random((moves_needed(duration_s + 2.0 * MARGIN_S, _WALK) + 1, DRAWS_PER_MOVE + 4))
    timing, free = draws[:-1, :DRAWS_PER_MOVE], draws[:, DRAWS_PER_MOVE:]
    place, heading = _waypoints(free)
    far = np.linalg.norm(np.diff(place, axis=0), axis=1)
    far = np.maximum(far, _TURN_M_PER_RAD * np.abs(np.diff(heading)))
    moves = plan_moves(place, far, draws=timing, pace=_WALK)
    turns = Moves(
        start_s=moves.start_s,
        duration_s=_TURN_SHARE * moves.duration_s,
        target=np.concatenate((heading[:1], heading))[:, None],
    )
    return Path(moves, turns)


def _waypoints(free: Float[Array, "target 4"]) -> tuple[Float[Array, "target 2"], Float[Array, " target"]]:
    around, radius = 2.0 * np.pi * free[:, 0], WORKSPACE_M * np.sqrt(free[:, 1])
    place = np.stack((radius * np.cos(around), radius * np.sin(around)), axis=1)
    # Sometimes only a turn on the spot: the place of the waypoint before.
    latest = np.maximum.accumulate(np.where(free[:, 2] < 0.3, 0, np.arange(len(free))))
    place = place[latest]
    way = np.diff(place, axis=0, prepend=place[:1])
    ahead = np.arctan2(way[:, 1], way[:, 0]) - 0.5 * np.pi
    own = 2.0 * np.pi * free[:, 3]
    walks = (np.linalg.norm(way, axis=1) > 0.3) & (free[:, 2] < 0.85)
    return place, np.unwrap(np.where(walks, ahead + 0.3 * (free[:, 3] - 0.5), own))


def _sample_depth(time_s: Float[Array, " time"], *, rng: np.random.Generator) -> Float[Array, " time"]:
    """Return how deep the body squats, in leg lengths."""
    draws = rng.random((moves_needed(float(time_s[-1]), _SQUAT) + 1, DRAWS_PER_MOVE + 1))
    level = _DEEPEST * np.maximum(draws[:, -1:] - 0.6, 0.0) / 0.4
    far = np.abs(np.diff(level[:, 0]))
    return sample_moves(plan_moves(level, far, draws=draws[:-1, :-1], pace=_SQUAT), time_s)[:, 0]


def _gestures(
    model: KinematicModel, time_s: Float[Array, " time"], *, seed: int
) -> Float[Array, "time angle"]:
    trunk, right, left = (generator(seed, f"body {part}") for part in ("trunk", "right arm", "left arm"))
    count = moves_needed(float(time_s[-1]), _GESTURE) + 1
    draws = trunk.random((count, DRAWS_PER_MOVE + len(TRUNK_ANGLES)))
    angles = slice(0, len(TRUNK_ANGLES))
    middle, half = (
        0.5 * (model.upper + model.lower)[angles],
        0.5 * (model.upper - model.lower)[angles],
    )
    pose = _TRUNK_SHARE * (0.5 * middle + half * (2.0 * draws[:, DRAWS_PER_MOVE:] - 1.0))
    parts = [_sample_targets(pose, draws, time_s)]
    for side in (right, left):
        draws = side.random((count, DRAWS_PER_MOVE + 1 + len(ARM_ANGLES)))
        parts.append(_sample_targets(_arm_poses(draws[:, DRAWS_PER_MOVE:]), draws, time_s))
    return np.concatenate(parts, axis=1)


def _arm_poses(free: Float[Array, "target draw"]) -> Float[Array, "target angle"]:
    library = np.deg2rad(np.array(_GESTURES_DEG, dtype=np.float64))
    chosen = library[(free[:, 0] * len(library)).astype(np.int64)]
    # Angles that a gesture bends far also vary more.
    return chosen + (2.0 * free[:, 1:] - 1.0) * (0.06 + 0.2 * np.abs(chosen))


def _sample_targets(
    pose: Float[Array, "target angle"], draws: Float[Array, "target draw"], time_s: Float[Array, " time"]
) -> Float[Array, "time angle"]:
    far = np.abs(np.diff(pose, axis=0)).max(axis=1)
    return sample_moves(plan_moves(pose, far, draws=draws[:-1, :DRAWS_PER_MOVE], pace=_GESTURE), time_s)


def _follow_legs(
    feet: tuple[FootMotion, FootMotion], track: Float[Array, "time 3"], *, depth: Float[Array, " time"]
) -> Float[Array, "time angle"]:
    """Return what walking and squatting add to trunk and arms: swing, counter-turn, lean."""
    ahead = _ahead(track)
    left, right = (((foot.place - track[:, :2]) * ahead[:, :2]).sum(axis=1) for foot in feet)
    angles = np.zeros((len(track), len(TRUNK_ANGLES) + 2 * len(ARM_ANGLES)))
    added = {"pelvis_tilt": 1.0 * depth, "waist_flexion": 1.2 * depth, "neck_flexion": -0.9 * depth}
    added["chest_twist"] = 0.25 * (left - right)
    for name, value in added.items():
        angles[:, TRUNK_ANGLES.index(name)] = value
    flexion = len(TRUNK_ANGLES) + ARM_ANGLES.index("shoulder_flexion")
    angles[:, flexion] = _ARM_SWING * left + depth
    angles[:, flexion + len(ARM_ANGLES)] = _ARM_SWING * right + depth
    return angles


def _ahead(track: Float[Array, "time 3"]) -> Float[Array, "time 3"]:
    return np.stack((-np.sin(track[:, 2]), np.cos(track[:, 2]), np.zeros(len(track))), axis=1)


def _leg_size(model: KinematicModel) -> LegSize:
    _, y, z = model.offset_m[model.indices(("right_knee", "right_ankle", "right_big_toe"))].T
    return LegSize(
        thigh_m=-float(z[0]), shank_m=-float(z[1]), ankle_m=SOLE_M - float(z[2]), front_m=float(y[2])
    )


def _stand(
    model: KinematicModel,
    local: Float[Array, "time node 3 3"],
    *,
    track: Float[Array, "time 3"],
    feet: tuple[FootMotion, FootMotion],
    depth: Float[Array, " time"],
    lowering: Float[Array, " time"],
) -> NodePoses:
    """Place the pelvis over the feet and turn the legs to meet them."""
    leg = _leg_size(model)
    root_rotation = rotation_zyx(np.pad(track[:, 2:], ((0, 0), (0, 2))))
    pelvis = root_rotation @ local[:, 0]
    ahead = _ahead(track)
    # Who squats sits back, so that the weight stays over the feet.
    place = np.pad(track[:, :2], ((0, 0), (0, 1))) - 0.45 * leg.length_m * depth[:, None] * ahead
    hips = [pelvis @ model.offset_m[model.index(f"{side}_hip")] for side in SIDES]
    place[:, 2] = leg.ankle_m + leg.length_m * (_STANDING - depth - lowering)
    for side, hip, foot in zip(SIDES, hips, feet, strict=True):
        turned, above = solve_leg(place + hip, foot, forward=ahead, leg=leg), pelvis
        for name, world in (("hip", turned.thigh), ("knee", turned.shank), ("ankle", turned.foot)):
            local[:, model.index(f"{side}_{name}")] = np.swapaxes(above, 1, 2) @ world
            above = world
    return forward(model, local, root_position=place, root_rotation=root_rotation)
