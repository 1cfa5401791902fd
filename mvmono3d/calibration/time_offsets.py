"""How late each camera is against the others, from boards in motion: residuals that grow with speed."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.motion_system import (
    Motion,
    free_columns,
    motion_system,
    solved_columns,
    typical_speed,
)
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

FEWEST_ROWS = 8
"""Instants of motion, each before two cameras, below which no offset is told."""
_SMOOTH = 0.35
"""Deviation from even motion between the neighbouring frames, over half of the way between those."""
_LEAST_WAY_PX = 2.0
_MATTERS = 2.0
"""Standard deviations from which an offset is taken to be one."""
_NS = 1e-9


def of_labels(motion: Motion, sightings: BoardSightings, labels: tuple[str, ...]) -> Motion:
    """Return the motion of some poses of a sequence, by label."""
    rows = [sightings.labels.index(label) for label in labels]
    return motion.map(lambda array: array[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOffsets(Record):
    """By how much each camera exposes later than its frames are paired (and stamped)."""

    judged: Bool[Array, " view"]
    offset: Float[Array, " view"]
    """Against the middle camera; in `unit`; 0 where not judged."""
    sigma: Float[Array, " view"]
    moves_px: Float[Array, " view"]
    """What the offset does to corners in these recordings (RMS)."""
    rows: Float[Array, " view"]
    """Instants of motion behind it."""
    unit: str
    """"s" or "frames"."""


def board_motion(sightings: BoardSightings) -> Motion:
    """Return the velocity of corners by central differences; unknown where neighbours are no sequence.

    Between neighbouring rows the board must move evenly: pictures in any order do not.
    """
    times, early = _times(sightings)
    order = np.argsort(times, kind="stable")
    known = np.zeros(sightings.seen.shape, dtype=bool)
    velocity = np.zeros(sightings.pixels.shape)
    usual = float(np.median(np.diff(times[order]))) if len(order) > 1 else 1.0
    for before, here, after in zip(order[:-2], order[1:-1], order[2:], strict=True):
        span = times[after] - times[before]
        if not 0.0 < span <= 3.0 * usual:
            continue
        for view in range(len(sightings.cameras)):
            seen = sightings.seen[[before, here, after], view].all(axis=0)
            if not seen.any():
                continue
            first, middle, last = (sightings.pixels[row, view, seen] for row in (before, here, after))
            share = (times[here] - times[before]) / span
            bend = np.linalg.norm(middle - (first + share * (last - first)), axis=-1)
            way = np.linalg.norm(last - first, axis=-1)
            if np.median(bend) <= _SMOOTH * max(float(np.median(way)) / 2.0, _LEAST_WAY_PX):
                known[here, view, seen] = True
                velocity[here, view, seen] = (last - first) / span
    unit = "frames" if sightings.time_ns is None else "s"
    return Motion(known=known, velocity_px=velocity, early=early, unit=unit)


def time_offsets(
    calibration: Calibration, sightings: BoardSightings, motion: Motion | None = None
) -> TimeOffsets | None:
    """Return the cameras' offsets; none where the frames are no sequence of a moving board.

    One step of the adjustment with an offset per camera, lenses and poses free: a late camera bends its
    own lens and pose. Each instant's board pose is eliminated, so that only disagreement between cameras
    counts; standard deviations are those of instants, which move together (a sandwich, White 1980).
    """
    motion = board_motion(sightings) if motion is None else motion
    views = len(sightings.cameras)
    system = motion_system(calibration, sightings, motion)
    count = system.instants
    judged = count >= FEWEST_ROWS
    if judged.sum() < 2:
        return None
    kept = np.flatnonzero(judged)
    reference = int(kept[np.argmax(count[kept])])
    free = free_columns(calibration, judged, reference=reference)
    solved, deviation = solved_columns(system, free)
    offset, sigma = solved[:views], deviation[:views]
    sigma[reference] = float(np.median(sigma[kept[kept != reference]]))
    if judged.sum() > 2:
        offset[kept] -= np.median(offset[kept])
    speed = np.array([typical_speed(motion, view) for view in range(views)])
    return TimeOffsets(
        judged=judged,
        offset=offset,
        sigma=sigma,
        moves_px=np.abs(offset) * speed,
        rows=count.astype(np.float64),
        unit=motion.unit,
    )


def synchronised(sightings: BoardSightings, motion: Motion, offsets: TimeOffsets) -> BoardSightings:
    """Return where corners would have been seen had all cameras exposed at the instants of the poses.

    Of a camera whose offset matters, corners whose motion isn't known are left out.
    """
    late = np.asarray(motion.early) + np.where(offsets.judged, offsets.offset, 0.0)
    matters = offsets.judged & (np.abs(offsets.offset) > _MATTERS * offsets.sigma)
    seen = sightings.seen & (motion.known | ~matters[:, None])
    pixels = sightings.pixels - motion.velocity_px * late[..., None, None]
    return replace(sightings, seen=seen, pixels=np.where(seen[..., None], pixels, 0.0), time_ns=None)


def _times(sightings: BoardSightings) -> tuple[Array, Array]:
    """Return the time of each row and how much later each camera's own stamp is."""
    shape = sightings.seen.shape[:2]
    if sightings.time_ns is None:
        numbers = [label for label in sightings.labels if label.isdigit()]
        ordered = len(numbers) == len(sightings.labels)
        times = np.array(numbers, dtype=np.float64) if ordered else np.arange(shape[0], dtype=np.float64)
        return times, np.zeros(shape)
    stamps = np.asarray(sightings.time_ns, dtype=np.int64)
    present = stamps > 0
    first = stamps[present].min()
    seconds = np.where(present, stamps - first, 0) * _NS
    times = seconds.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return times, np.where(present, seconds - times[:, None], 0.0)
