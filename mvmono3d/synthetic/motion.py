"""Smooth seeded processes over continuous time: an actor's angles, its place, its stops and reaches.

Everything here is a closed function of time, drawn once from a generator: sampling it at another frame
rate, or for longer, meets the same motion. Positions and angles are made of overlapping minimum-jerk
movements (Flash & Hogan 1985; superposed as in Flash & Henis 1991) and of band-limited noise.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

_PEAK_SPEED = 1.875
"""Peak speed of a minimum-jerk movement over its mean speed."""
_PEAK_ACCELERATION = 5.7735
"""Peak acceleration of a minimum-jerk movement over distance / duration²."""
_MOST_OVERLAP = 0.4
"""Below one half, never more than two movements are under way."""
_LONG_AGO_S = -1e6
DRAWS_PER_MOVE = 4
"""Columns of uniform draws that the timing of one movement takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast movements go; speeds are peaks, in the unit of the moved quantity per second."""

    slow: float
    fast: float
    """Most movements lie between `slow` and `fast`, evenly in the logarithm."""
    quick: float
    """Peak of the rare quick reach."""
    quick_share: float = 0.06
    acceleration: float
    """Peak of one movement; two that overlap may add up."""
    pause_share: float = 0.3
    pause_s: tuple[float, float] = (0.15, 1.5)
    shortest_s: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves(Record):
    """Movements from target to target; where two overlap, their displacements add.

    The path stays in the convex hull of its targets and has continuous acceleration.
    """

    start_s: Float[Array, " move"]
    duration_s: Float[Array, " move"]
    target: Float[Array, "target channel"]
    """Movement i goes from target i to target i + 1; movement 0 stands still, long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandNoise(Record):
    """A sum of sines whose size never exceeds the amplitude it was drawn with."""

    frequency_hz: Float[Array, " frequency"]
    weight: Float[Array, "wave channel"]
    """Sines first, then cosines."""


def minimum_jerk(phase: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return progress 0..1 for a phase (clipped to 0..1): 10 x³ - 15 x⁴ + 6 x⁵ (Flash & Hogan 1985)."""
    x = np.clip(phase, 0.0, 1.0)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def moves_needed(duration_s: float, pace: Pace) -> int:
    """Return how many movements surely outlast `duration_s`."""
    return int(np.ceil((duration_s + 1.0) / ((1.0 - _MOST_OVERLAP) * pace.shortest_s))) + 2


def plan_moves(
    target: Float[Array, "target channel"],
    distance: Float[Array, " move"],
    *,
    draws: Float[Array, "move draw"],
    pace: Pace,
) -> Moves:
    """Give the movements between consecutive targets their start and duration.

    `distance` is each movement's length in the pace's unit; `draws` are uniform in 0..1, row by row, so
    that a longer plan begins with the shorter one.
    """
    duration = _durations(distance, draws=draws, pace=pace)
    gap = _gaps(duration, draws=draws, pace=pace)
    start = np.concatenate(([0.0], np.cumsum(duration[:-1] + gap))) - draws[0, 3]
    return Moves(
        start_s=np.concatenate(([_LONG_AGO_S], start)),
        duration_s=np.concatenate(([1.0], duration)),
        target=np.concatenate((target[:1], target)),
    )


def _durations(
    distance: Float[Array, " move"], *, draws: Float[Array, "move draw"], pace: Pace
) -> Float[Array, " move"]:
    speed = pace.slow * (pace.fast / pace.slow) ** draws[:, 0]
    speed = np.where(draws[:, 1] < pace.quick_share, pace.quick, speed)
    by_speed = _PEAK_SPEED * distance / speed
    by_acceleration = np.sqrt(_PEAK_ACCELERATION * distance / pace.acceleration)
    return np.maximum(np.maximum(by_speed, by_acceleration), pace.shortest_s)


def _gaps(
    duration: Float[Array, " move"], *, draws: Float[Array, "move draw"], pace: Pace
) -> Float[Array, " gap"]:
    """Return the time from each movement's end to the next one's start: negative where they overlap."""
    chance, size = draws[:-1, 2] / pace.pause_share, draws[:-1, 3]
    shortest, longest = pace.pause_s
    overlap = _MOST_OVERLAP * size * np.minimum(duration[:-1], duration[1:])
    return np.where(chance < 1.0, shortest + size * (longest - shortest), -overlap)


def sample_moves(
    moves: Moves, time_s: Float[Array, " time"], *, delay_s: Float[Array, " channel"] | None = None
) -> Float[Array, "time channel"]:
    """Return where the movements are at each time; a channel with a delay follows that much later."""
    if delay_s is None:
        latest = np.maximum(np.searchsorted(moves.start_s, time_s, side="right") - 1, 1)
        return _position(moves, latest, time_s)
    result = np.empty((len(time_s), moves.target.shape[1]))
    for delay in np.unique(delay_s):
        channel = np.flatnonzero(delay_s == delay)
        late = time_s - delay
        latest = np.maximum(np.searchsorted(moves.start_s, late, side="right") - 1, 1)
        result[:, channel] = _position(moves, latest, late, channel=channel)
    return result


def _position(
    moves: Moves, latest: Array, time_s: Float[Array, " time"], *, channel: Array | None = None
) -> Float[Array, "time channel"]:
    # Only the latest movement and the one before it can be under way: see `_MOST_OVERLAP`.
    target = moves.target if channel is None else moves.target[:, channel]
    last = np.minimum(latest + 1, len(target) - 1)
    done = minimum_jerk((time_s - moves.start_s[latest]) / moves.duration_s[latest])[:, None]
    before = minimum_jerk((time_s - moves.start_s[latest - 1]) / moves.duration_s[latest - 1])[:, None]
    origin, middle = target[latest - 1], target[latest]
    return origin + before * (middle - origin) + done * (target[last] - middle)


def draw_noise(
    rng: np.random.Generator,
    amplitude: Float[Array, " channel"],
    *,
    band_hz: tuple[float, float] = (0.15, 3.0),
    frequencies: int = 10,
) -> BandNoise:
    """Draw noise whose spectrum falls with 1/frequency over a band and stays within ± amplitude."""
    low, high = band_hz
    place = (np.arange(frequencies) + rng.random(frequencies)) / frequencies
    frequency = low * (high / low) ** place
    weight = rng.standard_normal((2, frequencies, len(amplitude))) / frequency[:, None]
    bound = np.sqrt((weight**2).sum(axis=0)).sum(axis=0)
    return BandNoise(
        frequency_hz=frequency, weight=(weight * (amplitude / bound)).reshape(-1, len(amplitude))
    )


def sample_noise(noise: BandNoise, time_s: Float[Array, " time"]) -> Float[Array, "time channel"]:
    """Return the noise at each time."""
    angle = 2.0 * np.pi * time_s[:, None] * noise.frequency_hz
    return np.concatenate((np.sin(angle), np.cos(angle)), axis=1) @ noise.weight


def soften(
    value: Float[Array, "*shape"], *, lower: Float[Array, " channel"], upper: Float[Array, " channel"]
) -> Float[Array, "*shape"]:
    """Bend values smoothly into their limits; well inside they hardly change."""
    middle, half = 0.5 * (upper + lower), 0.5 * (upper - lower)
    unit = (value - middle) / half
    fourth = (unit * unit) ** 2
    # The eighth power keeps 0.7 of the range within 1 % of the identity, and every derivative continuous.
    return middle + half * unit / np.sqrt(np.sqrt(np.sqrt(1.0 + fourth * fourth)))


def sample_activity(
    rng: np.random.Generator, time_s: Float[Array, " time"], *, still: float = 0.15
) -> Float[Array, "time 1"]:
    """Return an envelope in 0..1 that rests near zero for a `still` share of the time."""
    pace = Pace(slow=0.5, fast=3.0, quick=6.0, acceleration=40.0, pause_s=(0.2, 2.0))
    count = moves_needed(float(time_s[-1]), pace)
    draws = rng.random((count, DRAWS_PER_MOVE + 1))
    level = np.maximum(draws[:, -1:] - still, 0.0) / (1.0 - still)
    moves = plan_moves(level, np.abs(np.diff(level[:, 0])), draws=draws[:-1, :-1], pace=pace)
    return sample_moves(moves, time_s)
