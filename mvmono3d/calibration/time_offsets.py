"""How late each camera is against the others, from boards in motion: residuals that grow with speed."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle_system import CAMERA_COLUMNS
from mvmono3d.calibration.camera_model import LENS_FREE, lens_model
from mvmono3d.calibration.reprojection import Corners, Estimate, corners_of, derivatives, residuals
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

FEWEST_ROWS = 8
"""Instants of motion, each before two cameras, below which no offset is told."""
_SMOOTH = 0.35
"""Deviation from even motion between the neighbouring frames, over half of the way between those."""
_LEAST_WAY_PX = 2.0
_FAR = 6.0
"""Residuals beyond this many medians of the same picture count less."""
_MATTERS = 2.0
"""Standard deviations from which an offset is taken to be one."""
_RIDGE = 1e-9
_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion(Record):
    """How fast corners move in the image, where a sequence of frames tells."""

    known: Bool[Array, "pose view corner"]
    velocity_px: Float[Array, "pose view corner 2"]
    """Per unit of time: seconds where the recording has timestamps, else frames."""
    early: Float[Array, "pose view"]
    """By how much a camera's own timestamp lies after the instant of the pose; 0 without timestamps."""


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
    return Motion(known=known, velocity_px=velocity, early=early)


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
    estimate = Estimate(
        lens=calibration.rig.camera.lens,
        camera_from_world=calibration.rig.camera_from_world,
        world_from_board=calibration.world_from_board,
        shape_m=calibration.shape_m,
    )
    rows = _moving_rows(calibration, motion)
    corners = corners_of(replace(sightings, seen=sightings.seen & motion.known))
    starts = np.searchsorted(corners.pose, np.arange(len(sightings.labels) + 1))
    blocks = [
        _block(estimate, corners.map(lambda array, pose=pose: array[starts[pose] : starts[pose + 1]]), motion)
        for pose in rows
    ]
    count = np.array([motion.known[rows, view].any(axis=-1).sum() for view in range(views)])
    judged = count >= FEWEST_ROWS
    if judged.sum() < 2:
        return None
    kept = np.flatnonzero(judged)
    reference = int(kept[np.argmax(count[kept])])
    solved, deviation = _solved(blocks, _free(calibration, judged, reference=reference))
    offset, sigma = solved[:views], deviation[:views]
    sigma[reference] = float(np.median(sigma[kept[kept != reference]]))
    if judged.sum() > 2:
        offset[kept] -= np.median(offset[kept])
    speed = np.array([_speed(motion, view) for view in range(views)])
    return TimeOffsets(
        judged=judged,
        offset=offset,
        sigma=sigma,
        moves_px=np.abs(offset) * speed,
        rows=count.astype(np.float64),
        unit="frames" if sightings.time_ns is None else "s",
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


def _solved(blocks: list[tuple[Array, Array]], free: Array) -> tuple[Array, Array]:
    """Return the columns' values and standard deviations; 0 where not free."""
    chosen = np.ix_(free, free)
    normal = sum((block[0][chosen] for block in blocks), np.zeros((int(free.sum()),) * 2))
    right = sum((block[1][free] for block in blocks), np.zeros(int(free.sum())))
    scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), np.finfo(np.float64).tiny))
    unit = normal * scale[:, None] * scale[None] + _RIDGE * np.eye(len(normal))
    inverse = np.linalg.inv(unit) * scale[:, None] * scale[None]
    value = inverse @ right
    scores = np.stack([block[1][free] - block[0][chosen] @ value for block in blocks])
    values, sigma = np.zeros(len(free)), np.zeros(len(free))
    values[free] = value
    sigma[free] = np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse))
    return values, sigma


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


def _moving_rows(calibration: Calibration, motion: Motion) -> Array:
    views = motion.known.any(axis=-1).sum(axis=1)
    return np.flatnonzero(calibration.placed & (views >= 2))


def _block(estimate: Estimate, corners: Corners, motion: Motion) -> tuple[Array, Array]:
    """Return one instant's normal matrix and right side, its board pose eliminated.

    Columns: an offset per camera, then of each camera what it is free to change by.
    """
    views, count = len(estimate.lens), len(corners)
    velocity = motion.velocity_px[corners.pose, corners.view, corners.corner]
    rest = -residuals(estimate, corners) - velocity * motion.early[corners.pose, corners.view][:, None]
    found = derivatives(estimate, corners)
    by_camera = np.zeros((count, 2, views, CAMERA_COLUMNS))
    place = np.arange(count)
    by_camera[place, :, corners.view] = np.concatenate([found.lens, found.camera], axis=-1)
    by_offset = np.zeros((count, 2, views))
    by_offset[place, :, corners.view] = velocity
    columns = np.concatenate([by_offset, by_camera.reshape(count, 2, -1)], axis=-1)
    weight = np.repeat(np.sqrt(_weights(rest, corners)), 2)[:, None]
    basis = np.linalg.qr(weight * found.board.reshape(-1, 6))[0]
    columns = weight * columns.reshape(2 * count, -1)
    columns = columns - basis @ (basis.T @ columns)
    return columns.T @ columns, columns.T @ (weight[:, 0] * rest.ravel())


def _weights(rest: Array, corners: Corners) -> Array:
    """Let single corners that are far off count less; against the same camera's, as of a late one all are."""
    length = np.linalg.norm(rest, axis=-1)
    typical = np.zeros(len(length))
    for view in np.unique(corners.view):
        mine = corners.view == view
        typical[mine] = np.median(length[mine])
    return np.minimum(1.0, _FAR * typical / np.maximum(length, 1e-9))


def _free(calibration: Calibration, judged: Array, *, reference: int) -> Array:
    """Say which columns are estimated: a time and a place are free, so one camera has none to find."""
    views = len(judged)
    cameras = np.zeros((views, CAMERA_COLUMNS), dtype=bool)
    for view, name in enumerate(calibration.lens_evidence.chosen):
        cameras[view, :LENS_FREE] = lens_model(name).free & judged[view]
        cameras[view, LENS_FREE:] = judged[view] and view != reference
    offsets = judged & (np.arange(views) != reference)
    return np.concatenate([offsets, cameras.ravel()])


def _speed(motion: Motion, view: int) -> float:
    mine = motion.velocity_px[:, view][motion.known[:, view]]
    return float(np.sqrt(np.mean(np.sum(mine**2, axis=-1)))) if len(mine) else 0.0
