"""What hands do: grasps, single fingers, reaches through a workspace, turns of the forearm.

Fingers move in synergies: most of a target pose comes from one grasp (Santello et al. 1998), the rest
from single fingers. The hand may hold an object; it then keeps one grasp and opens only a little.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.kinematic import (
    KinematicModel,
    NodePoses,
    forward,
    local_rotations,
    rotation_zyx,
)
from mvmono3d.synthetic.motion import (
    DRAWS_PER_MOVE,
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

# Degrees: thumb (abduction, flexion, rotation, MCP, IP), then each finger's MCP, PIP and DIP flexion. The
# thumbs of pinch, tripod, fist, point were solved to meet what they touch on the mean hand.
_GRASPS_DEG = {
    "open": ((5, -5, 0, 0, -5), (0, 3, 2), (0, 3, 2), (0, 3, 2), (0, 3, 2)),
    "relaxed": ((15, 5, 10, 12, 15), (18, 25, 12), (22, 28, 14), (26, 30, 15), (28, 30, 15)),
    "pinch": ((10, 16, 14, 22, 21), (57, 50, 24), (35, 40, 20), (28, 38, 20), (25, 35, 18)),
    "tripod": ((11, 20, 12, 23, 21), (57, 49, 20), (55, 50, 25), (60, 70, 40), (60, 70, 40)),
    "cylinder": ((28, 12, 18, 14, 20), (50, 55, 28), (52, 58, 30), (54, 58, 30), (56, 56, 30)),
    "fist": ((1, 21, -4, 45, 47), (82, 100, 60), (84, 100, 60), (84, 98, 60), (84, 95, 58)),
    "point": ((-1, 24, -5, 40, 42), (5, 8, 4), (75, 95, 55), (78, 95, 55), (80, 92, 54)),
    "hook": ((10, -5, 5, 10, 10), (10, 85, 45), (10, 88, 46), (10, 86, 45), (12, 80, 42)),
    "two": ((8, 26, 0, 42, 45), (2, 5, 3), (2, 5, 3), (80, 95, 55), (82, 92, 54)),
    "thumb_up": ((-8, -15, 0, -5, -10), (80, 98, 58), (82, 98, 58), (82, 96, 58), (82, 92, 56)),
    "claw": ((35, -5, 20, 15, 25), (25, 45, 25), (25, 47, 26), (26, 46, 25), (28, 42, 24)),
}
GRASPS = tuple(_GRASPS_DEG)
_ROOM = {"cylinder": (0.25, 0.65), "pinch": (0.3, 0.6), "claw": (0.0, 0.2)}
"""The grasps that can hold an object, and how far, at least and at most, it keeps them from closing."""
HELD_GRASPS = tuple(_ROOM)

# The hand's angles, in the order that `hand_model` lists them.
_ARM, _DIGITS = slice(0, 5), slice(5, 30)
_REACH = Pace(slow=0.3, fast=1.5, quick=2.5, acceleration=30.0, pause_share=0.25, pause_s=(0.1, 1.0))
_TURN_M_PER_RAD = 0.25
"""A turn counts as a reach of this many metres: 1 m/s goes with 4 rad/s."""
_GRASPING = Pace(slow=1.5, fast=9.0, quick=14.0, acceleration=250.0, pause_share=0.25, pause_s=(0.1, 0.8))
WORKSPACE_M = 0.16
"""The wrist's targets lie in a ball of this radius round the origin."""
_TREMBLE_M = 0.012
_TREMBLE_RAD = np.deg2rad([8.0, 8.0, 12.0, 5.0, 4.0] + [4.0] * 25)
_OPENING = 0.2
"""How far a hand that holds something may open towards the open hand."""
_HELD_STEADINESS = 0.3


class _Hold(NamedTuple):
    grasp: str
    room: float
    """How far what is held keeps the grasp from closing: 1 is the open hand."""


class HandMotion(NamedTuple):
    """A hand over time, and how it grips what it holds."""

    poses: NodePoses
    held: str | None
    """The grasp that an object sits in, or None."""
    grip: Float[Array, "node 3"]
    """The nodes in the wrist's frame where the fingers close tightest on a held object."""


def move_hand(
    model: KinematicModel, time_s: Float[Array, " time"], *, seed: int, holds: bool = False
) -> HandMotion:
    """Move a hand through the workspace round the origin; the time starts at or after 0."""
    hold = _draw_hold(seed) if holds else None
    position, angles = _sample(model, time_s, seed=seed, hold=hold)
    poses = forward(
        model,
        local_rotations(model, angles),
        root_position=position,
        root_rotation=np.broadcast_to(_facing(seed), (len(time_s), 3, 3)),
    )
    return HandMotion(poses, hold.grasp if hold else None, _grip(model, hold))


def hand_angles(
    model: KinematicModel, time_s: Float[Array, " time"], *, seed: int, holds: bool = False
) -> Float[Array, "time angle"]:
    """Return the angles (rad) of the motion that `move_hand` makes, in the model's order."""
    return _sample(model, time_s, seed=seed, hold=_draw_hold(seed) if holds else None)[1]


def _sample(
    model: KinematicModel, time_s: Float[Array, " time"], *, seed: int, hold: _Hold | None
) -> tuple[Float[Array, "time 3"], Float[Array, "time angle"]]:
    arm, digits, tremble = (generator(seed, f"hand {part}") for part in ("arm", "digits", "tremble"))
    position, arm_angles = _move_arm(model, time_s, rng=arm)
    angles = np.concatenate((arm_angles, _move_digits(model, time_s, rng=digits, hold=hold)), axis=1)
    steadiness = np.concatenate((np.ones(5), np.full(25, _HELD_STEADINESS if hold else 1.0)))
    amplitude = np.concatenate((np.full(3, _TREMBLE_M), _TREMBLE_RAD * steadiness))
    noise = sample_noise(draw_noise(tremble, amplitude), time_s) * sample_activity(tremble, time_s)
    return position + noise[:, :3], _within_limits(model, angles + noise[:, 3:])


def _draw_hold(seed: int) -> _Hold:
    rng = generator(seed, "hand hold")
    grasp = HELD_GRASPS[int(rng.integers(len(HELD_GRASPS)))]
    return _Hold(grasp, rng.uniform(*_ROOM[grasp]))


def _facing(seed: int) -> Float[Array, "3 3"]:
    rng = generator(seed, "hand facing")
    heading, lean = rng.uniform(-np.pi, np.pi), rng.uniform(-0.6, 0.6)
    return rotation_zyx(np.array([[heading, 0.0, lean]]))[0]


def _move_arm(
    model: KinematicModel, time_s: Float[Array, " time"], *, rng: np.random.Generator
) -> tuple[Float[Array, "time 3"], Float[Array, "time 5"]]:
    draws = rng.random((moves_needed(float(time_s[-1]), _REACH) + 1, DRAWS_PER_MOVE + 8))
    timing, free = draws[:-1, :DRAWS_PER_MOVE], draws[:, DRAWS_PER_MOVE:]
    place = _in_ball(free[:, :3]) * WORKSPACE_M
    middle = 0.5 * (model.upper + model.lower)[_ARM]
    turn = middle + (free[:, 3:] - 0.5) * 0.8 * (model.upper - model.lower)[_ARM]
    distance = np.linalg.norm(np.diff(place, axis=0), axis=1)
    distance = np.maximum(distance, _TURN_M_PER_RAD * np.abs(np.diff(turn, axis=0)).max(axis=1))
    moves = plan_moves(np.concatenate((place, turn), axis=1), distance, draws=timing, pace=_REACH)
    moved = sample_moves(moves, time_s)
    return moved[:, :3], moved[:, 3:]


def _in_ball(draws: Float[Array, "draw 3"]) -> Float[Array, "draw 3"]:
    height, turn, radius = 2.0 * draws[:, 0] - 1.0, 2.0 * np.pi * draws[:, 1], np.cbrt(draws[:, 2])
    across = np.sqrt(1.0 - height**2)
    return np.stack((across * np.cos(turn), across * np.sin(turn), height), axis=1) * radius[:, None]


def _move_digits(
    model: KinematicModel, time_s: Float[Array, " time"], *, rng: np.random.Generator, hold: _Hold | None
) -> Float[Array, "time 25"]:
    # No two fingers start at once: up to 60 ms between them.
    delay_s = np.repeat(rng.random(5) * 0.06, 5)
    draws = rng.random((moves_needed(float(time_s[-1]), _GRASPING) + 1, DRAWS_PER_MOVE + 8))
    timing, free = draws[:-1, :DRAWS_PER_MOVE], draws[:, DRAWS_PER_MOVE:]
    target = _free_targets(model, free) if hold is None else _held_targets(model, free[:, 0], hold=hold)
    distance = np.abs(np.diff(target, axis=0)).max(axis=1)
    moves = plan_moves(target, distance, draws=timing, pace=_GRASPING)
    return sample_moves(moves, time_s, delay_s=delay_s)


def grasp_angles(model: KinematicModel, name: str) -> Float[Array, "25"]:
    """Return the digits' angles in a grasp: the thumb's, then each finger's from its cup to its tip."""
    thumb, *fingers = _GRASPS_DEG[name]
    upper = model.upper[_DIGITS].reshape(5, 5)
    angles = np.zeros((5, 5))
    angles[0] = np.deg2rad(thumb)
    angles[1:, 2:] = np.deg2rad(fingers)
    angles[1:, 0] = upper[1:, 0] * np.clip(angles[1:, 2] / np.deg2rad(90.0), 0.0, 0.9)
    angles[1:, 1] = np.deg2rad(7.0) if name in ("open", "claw", "two") else 0.0
    return angles.reshape(-1)


def _free_targets(model: KinematicModel, free: Float[Array, "target 8"]) -> Float[Array, "target 25"]:
    library = np.stack([grasp_angles(model, name) for name in GRASPS])
    chosen = library[np.minimum((free[:, 0] * len(GRASPS)).astype(np.int64), len(GRASPS) - 1)]
    # Grasps are often completed, sometimes left on the way.
    closure = np.minimum(0.35 + 0.95 * free[:, 1:2], 1.0)
    pose = library[1] + closure * (chosen - library[1])
    own = np.where(free[:, 2:7] < 0.25, 2.0 - 8.0 * free[:, 2:7], 0.0) * 0.35
    single = own[:, :, None] * (library[0] - library[5]).reshape(5, 5)
    spread = np.zeros((5, 5))
    spread[1:, 1] = np.deg2rad(12.0)
    pose = pose + single.reshape(-1, 25) + (free[:, 7:] - 0.4) * spread.reshape(-1)
    return np.clip(pose, 0.97 * model.lower[_DIGITS], 0.97 * model.upper[_DIGITS])


def _held_targets(
    model: KinematicModel, opening: Float[Array, " target"], *, hold: _Hold
) -> Float[Array, "target 25"]:
    closed, wide = _held_angles(model, hold), grasp_angles(model, "open")
    return closed + (_OPENING * opening**3)[:, None] * (wide - closed)


def _held_angles(model: KinematicModel, hold: _Hold) -> Float[Array, "25"]:
    closed = grasp_angles(model, hold.grasp)
    return closed + hold.room * (grasp_angles(model, "open") - closed)


def _within_limits(model: KinematicModel, angles: Float[Array, "time 30"]) -> Float[Array, "time 30"]:
    limited = soften(angles, lower=model.lower, upper=model.upper)
    fingers = limited[:, 10:].reshape(-1, 4, 5)
    # A bent finger can't be spread: its collateral ligaments are tight.
    fingers[..., 1] *= np.cos(fingers[..., 2]) ** 2
    return limited


def _grip(model: KinematicModel, hold: _Hold | None) -> Float[Array, "node 3"]:
    angles = np.zeros((1, len(model.angles)))
    angles[0, _DIGITS] = _held_angles(model, hold or _Hold("relaxed", 0.0))
    angles = _within_limits(model, angles)
    local = local_rotations(model, angles)
    still = {"root_position": np.zeros((1, 3)), "root_rotation": np.eye(3)[None]}
    return forward(model, local, **still).points_world[0]
