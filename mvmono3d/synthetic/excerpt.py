"""Excerpts of recorded motion as long as a scene: of one take, or of several that follow smoothly.

Where a take ends too early another of the same person follows from a frame in which the body stands much
the same, turned and shifted to fit, and blended in. Motion graphs do so too (Kovar, Gleicher & Pighin 2002).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.body import BODY_JOINTS
from mvmono3d.synthetic.motion_file import RecordedMotion
from mvmono3d.synthetic.splits import split_of
from mvmono3d.synthetic.streams import generator

_MID_HIP, _LEFT_HIP, _RIGHT_HIP = (BODY_JOINTS.index(name) for name in ("mid_hip", "left_hip", "right_hip"))
_BLEND_S = 0.4
_SHORTEST_S = 0.8
"""A take goes on at least this long before another follows."""
_CANDIDATES = 96
_SPEED_S = 0.2
"""How much a difference of velocities (m/s) counts beside one of positions (m)."""


class Piece(NamedTuple):
    """A take from one of its frames on, where and when it is shown."""

    take: int
    first: int
    start_s: float
    turn: Float[Array, "3 3"]
    shift: Float[Array, "3"]


def draw_excerpt(
    motion: RecordedMotion, time_s: Float[Array, " time"], *, subject: int, rng: np.random.Generator
) -> Float[Array, "time landmark 3"]:
    """Return landmarks of the subject's recorded person over time; the motion starts at 0 s.

    Raises `ConfigurationError` where the subject's split has no motion.
    """
    pieces = plan_excerpt(motion, float(time_s[-1]), subject=subject, rng=rng)
    shown = show(motion, pieces[0], time_s)
    for piece in pieces[1:]:
        late = np.clip((time_s - piece.start_s) / _BLEND_S, 0.0, 1.0)
        weight = (late**3 * (late * (6.0 * late - 15.0) + 10.0))[:, None, None]
        shown = (1.0 - weight) * shown + weight * show(motion, piece, time_s)
    return shown


def plan_excerpt(
    motion: RecordedMotion, duration_s: float, *, subject: int, rng: np.random.Generator
) -> list[Piece]:
    """Draw takes of one person until they last that long; longer takes come more often."""
    weights = _weights(motion, subject)
    take = int(rng.choice(len(weights), p=weights))
    room = int(motion.take_frames[take] - duration_s * motion.rate_hz + 1e-6)
    first = int(rng.integers(room if room > 0 else _latest(motion, take) + 1))
    pieces = [Piece(take, first, 0.0, np.eye(3), np.zeros(3))]
    while (end_s := _end_s(motion, pieces[-1])) < duration_s - 1e-9:
        pieces.append(_follow(motion, pieces[-1], end_s - _BLEND_S, weights=weights, rng=rng))
    return pieces


def show(
    motion: RecordedMotion, piece: Piece, time_s: Float[Array, " time"]
) -> Float[Array, "time landmark 3"]:
    """Return a piece's landmarks over a scene's time, held before its start and past its end."""
    frame = piece.first + (time_s - piece.start_s) * motion.rate_hz
    return sample(motion.take(piece.take), frame) @ piece.turn.T + piece.shift


def sample(
    points: Float[Array, "frame landmark 3"], frame: Float[Array, " time"]
) -> Float[Array, "time landmark 3"]:
    """Return points between frames by cubic interpolation (Catmull-Rom), and exactly at frames."""
    last = len(points) - 1
    whole = np.clip(np.floor(frame + 1e-9).astype(np.int64), 0, last)
    u = np.clip(frame - whole, 0.0, 1.0)[:, None, None]
    a, b, c, d = (points[np.clip(whole + step, 0, last)].astype(np.float64) for step in (-1, 0, 1, 2))
    slope, next_slope = 0.5 * (c - a), 0.5 * (d - b)
    square = 3.0 * (c - b) - 2.0 * slope - next_slope
    cube = 2.0 * (b - c) + slope + next_slope
    return b + u * (slope + u * (square + u * cube))


def about_up(angle: float) -> Float[Array, "3 3"]:
    """Return the rotation about +Z."""
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _weights(motion: RecordedMotion, subject: int) -> Float[Array, " take"]:
    split = split_of(subject)
    own = np.array([each == split for each in motion.splits]) * motion.take_frames
    own = np.where(motion.take_frames > (_SHORTEST_S + _BLEND_S) * motion.rate_hz, own, 0)
    if not own.any():
        raise ConfigurationError(
            f"the motion file has no take of split {split.name.lower()} above {_SHORTEST_S + _BLEND_S:.1f} s"
        )
    persons = sorted({who for who, frames in zip(motion.subjects, own, strict=True) if frames})
    of_person = np.array([[who == person for who in motion.subjects] for person in persons]) * own
    share = of_person.sum(axis=1) / own.sum()
    person = of_person[int(generator(subject, "recorded subject").choice(len(persons), p=share))]
    return person / person.sum()


def _latest(motion: RecordedMotion, take: int) -> int:
    """Return the last frame where a take may begin: in its first half, with enough to come."""
    frames = int(motion.take_frames[take])
    return max(0, min(frames // 2, frames - 1 - round((_SHORTEST_S + _BLEND_S) * motion.rate_hz)))


def _end_s(motion: RecordedMotion, piece: Piece) -> float:
    return piece.start_s + float(motion.take_frames[piece.take] - 1 - piece.first) / motion.rate_hz


def _follow(
    motion: RecordedMotion,
    before: Piece,
    start_s: float,
    *,
    weights: Float[Array, " take"],
    rng: np.random.Generator,
) -> Piece:
    time_s = start_s + np.linspace(0.0, _BLEND_S, 5)
    old = show(motion, before, time_s)
    best, least = before, np.inf
    for take in rng.choice(len(weights), size=_CANDIDATES, p=weights).tolist():
        first = int(rng.integers(_latest(motion, take) + 1))
        piece = Piece(take, first, start_s, np.eye(3), np.zeros(3))
        new = show(motion, piece, time_s)
        turn, shift = _fit(new[len(new) // 2], old[len(old) // 2])
        apart = _apart(new @ turn.T + shift - old, time_s)
        if apart < least:
            best, least = piece._replace(turn=turn, shift=shift), apart
    return best


def _fit(
    new: Float[Array, "landmark 3"], old: Float[Array, "landmark 3"]
) -> tuple[Float[Array, "3 3"], Float[Array, "3"]]:
    """Return the turn about +Z and the shift along the floor that bring one pelvis to another."""
    turn = about_up(_heading(old) - _heading(new))
    return turn, (old[_MID_HIP] - turn @ new[_MID_HIP]) * np.array([1.0, 1.0, 0.0])


def _heading(landmarks: Float[Array, "landmark 3"]) -> float:
    across = landmarks[_RIGHT_HIP] - landmarks[_LEFT_HIP]
    return float(np.arctan2(across[1], across[0]))


def _apart(difference: Float[Array, "time landmark 3"], time_s: Float[Array, " time"]) -> float:
    speed = np.diff(difference, axis=0) / np.diff(time_s)[:, None, None]
    near, alike = (np.linalg.norm(each, axis=-1).mean() for each in (difference, speed))
    return float(near + _SPEED_S * alike)
