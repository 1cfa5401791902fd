"""Feet on the floor: where a walking body steps, and the legs between its hips and its feet.

The feet are planned first and stand still while they bear; the legs follow in closed form.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.kinematic import rotation_zyx
from mvmono3d.synthetic.motion import Moves, minimum_jerk, sample_moves

_STEP_S = 0.42
"""Longest time that a foot is in the air."""
_LONGEST_LEAD_S = 0.8
"""A foot lands where the body will be in the middle of its time on the ground, at most that much later."""
_GRID_S = 0.01
MARGIN_S = 2.0
"""The plan needs the path this long before and after the clip."""
_SLOW_STEP_M, _STEP_PER_SPEED_S = 0.12, 0.45
_TURN_STEP_RAD = 0.9
_CLEARANCE_M = 0.05
_ROLL_RAD = 0.5
"""How far the toes hang while the foot is lifted."""
_STRAIGHTEST = 0.992
"""Longest distance from hip to ankle, in leg lengths: knees are never locked."""
_LOWERING = 0.06
_SPAN_S = 0.06
_FOREVER_S = 1e6
_SOFTNESS_M = 0.006


class Path(NamedTuple):
    """Where a body goes and where it looks."""

    place: Moves
    heading: Moves


class FootMotion(NamedTuple):
    """One foot over time; a foot at height 0 and pitch 0 stands flat."""

    place: Float[Array, "time 2"]
    heading: Float[Array, " time"]
    lift_m: Float[Array, " time"]
    pitch: Float[Array, " time"]
    """Positive where the toes hang."""


class LegRotations(NamedTuple):
    """World rotations of one leg's segments."""

    thigh: Float[Array, "time 3 3"]
    shank: Float[Array, "time 3 3"]
    foot: Float[Array, "time 3 3"]


class LegSize(NamedTuple):
    """What standing needs to know of a leg."""

    thigh_m: float
    shank_m: float
    ankle_m: float
    """Height of the ankle over the floor."""
    front_m: float
    """How far the toes lie before the ankle."""

    @property
    def length_m(self) -> float:
        """From hip to ankle when straight."""
        return self.thigh_m + self.shank_m


def sample_path(path: Path, time_s: Float[Array, " time"]) -> Float[Array, "time 3"]:
    """Return x, y and heading over time."""
    return np.concatenate((sample_moves(path.place, time_s), sample_moves(path.heading, time_s)), axis=1)


def plan_feet(path: Path, *, duration_s: float, hip_m: float, first: int) -> tuple[Moves, Moves]:
    """Plan both feet's placements (x, y, heading) under a path (x, y, heading): left, then right."""
    grid = np.arange(-MARGIN_S, duration_s + MARGIN_S, _GRID_S)
    track = sample_path(path, grid)
    change = np.diff(track, axis=0)
    far = np.hypot(change[:, 0], change[:, 1])
    step_m = _SLOW_STEP_M + _STEP_PER_SPEED_S * far / _GRID_S
    phase = np.concatenate(([0.0], np.cumsum(far / step_m + np.abs(change[:, 2]) / _TURN_STEP_RAD)))
    steps = int(np.floor(phase[-1] + 0.7))
    start = np.interp(np.arange(steps) + 0.3, phase, grid)
    gap = np.append(np.diff(start), 1e3) if steps else start
    duration = np.minimum(_STEP_S, 0.9 * gap)
    left, right = (
        _one_foot(path, start[side::2], duration[side::2], lateral_m=lateral)
        for side, lateral in ((first, -hip_m), (1 - first, hip_m))
    )
    return left, right


def _one_foot(
    path: Path, start: Float[Array, " step"], duration: Float[Array, " step"], *, lateral_m: float
) -> Moves:
    land = start + duration
    lead = 0.5 * (np.append(start[1:], np.inf) - land)
    seen = np.concatenate(([-MARGIN_S, -MARGIN_S], land + np.minimum(lead, _LONGEST_LEAD_S)))
    target = sample_path(path, seen)
    heading = target[:, 2] - np.sign(lateral_m) * 0.1
    sideways = np.stack((np.cos(target[:, 2]), np.sin(target[:, 2])), axis=1) * lateral_m
    placement = np.concatenate((target[:, :2] + sideways, heading[:, None]), axis=1)
    # Between two movements that stand still, long ago and in a far future: a foot may never step.
    return Moves(
        start_s=np.concatenate(([-_FOREVER_S], start, [_FOREVER_S])),
        duration_s=np.concatenate(([1.0], duration, [1.0])),
        target=np.concatenate((placement, placement[-1:])),
    )


def sample_foot(foot: Moves, time_s: Float[Array, " time"], *, front_m: float) -> FootMotion:
    """Return a foot over time; `front_m` is how far its toes lie before its ankle."""
    track = sample_moves(foot, time_s)
    step = np.searchsorted(foot.start_s, time_s, side="right") - 1
    phase = np.clip((time_s - foot.start_s[step]) / foot.duration_s[step], 0.0, 1.0)
    far = np.linalg.norm(np.diff(foot.target, axis=0), axis=1)[step]
    size = minimum_jerk(far / 0.5)
    # (x (1 - x))³ leaves and meets the floor with zero speed and acceleration.
    bump = 64.0 * (phase * (1.0 - phase)) ** 3
    pitch = _ROLL_RAD * size * bump * 2.0 * (1.0 - phase)
    lift = _CLEARANCE_M * (0.4 + 0.6 * size) * bump + front_m * np.sin(pitch)
    return FootMotion(track[:, :2], track[:, 2], lift, pitch)


def sample_lowering(path: Path, time_s: Float[Array, " time"]) -> Float[Array, " time"]:
    """Return by how many leg lengths the pelvis sinks in walking, so that long steps reach the floor."""
    far = sample_moves(path.place, time_s + _SPAN_S) - sample_moves(path.place, time_s - _SPAN_S)
    square = (far**2).sum(axis=1) / (2.0 * _SPAN_S) ** 2
    return _LOWERING * square / (square + 0.4)


def solve_leg(
    hip: Float[Array, "time 3"], foot: FootMotion, *, forward: Float[Array, "time 3"], leg: LegSize
) -> LegRotations:
    """Turn a leg so that it meets its foot and the knee points forward (two bones, closed form).

    Where the foot is out of reach, the heel rises and the toes stay near the floor.
    """
    down = np.concatenate((foot.place, leg.ankle_m + foot.lift_m[:, None]), axis=1) - hip
    far = np.linalg.norm(down, axis=1, keepdims=True)
    down = down / far
    longest = _STRAIGHTEST * leg.length_m
    length = longest - _above_zero(longest - far)
    along = (leg.thigh_m**2 - leg.shank_m**2 + length**2) / (2.0 * length)
    out = np.sqrt(leg.thigh_m**2 - along**2)
    knee_out = forward - (forward * down).sum(axis=1, keepdims=True) * down
    knee_out /= np.linalg.norm(knee_out, axis=1, keepdims=True)
    knee = along * down + out * knee_out
    axis = np.cross(knee_out, -down)
    raised = (down * (length - far))[:, 2]
    pitch = np.arcsin(np.minimum(np.sin(foot.pitch) + raised / leg.front_m, 0.95))
    return LegRotations(
        thigh=_segment(-knee / leg.thigh_m, axis),
        shank=_segment((knee - length * down) / leg.shank_m, axis),
        foot=rotation_zyx(np.stack((foot.heading, np.zeros(len(pitch)), -pitch), axis=1)),
    )


def _above_zero(value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return max(value, 0), rounded off at the corner."""
    return _SOFTNESS_M * np.logaddexp(0.0, value / _SOFTNESS_M)


def _segment(up: Float[Array, "time 3"], right: Float[Array, "time 3"]) -> Float[Array, "time 3 3"]:
    return np.stack((right, np.cross(up, right), up), axis=-1)
