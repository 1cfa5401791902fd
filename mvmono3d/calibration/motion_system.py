"""How residuals of boards in motion grow with speed: one linear system for clocks and shutters."""

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

_FAR = 6.0
"""Residuals beyond this many medians of the same picture count less."""
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion(Record):
    """How fast corners move in the image, where a sequence of frames tells."""

    known: Bool[Array, "pose view corner"]
    velocity_px: Float[Array, "pose view corner 2"]
    """Per unit of time: seconds where the recording has timestamps, else frames."""
    early: Float[Array, "pose view"]
    """By how much a camera's own timestamp lies after the instant of the pose; 0 without timestamps."""
    unit: str
    """Of time: "s" or "frames"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSystem:
    """Normal equations of a step of the adjustment, one instant of motion each, board poses eliminated."""

    blocks: tuple[tuple[Float[Array, "column column"], Float[Array, " column"]], ...]
    instants: Float[Array, " view"]
    """Instants of motion that each camera saw."""


def motion_system(calibration: Calibration, sightings: BoardSightings, motion: Motion) -> MotionSystem:
    """Return the system of all instants at which two cameras saw the board move."""
    estimate = Estimate(
        lens=calibration.rig.camera.lens,
        camera_from_world=calibration.rig.camera_from_world,
        world_from_board=calibration.world_from_board,
        shape_m=calibration.shape_m,
    )
    rows = _moving_rows(calibration, motion)
    corners = corners_of(replace(sightings, seen=sightings.seen & motion.known))
    starts = np.searchsorted(corners.pose, np.arange(len(sightings.labels) + 1))
    height = np.asarray(sightings.size_px[:, 1], dtype=np.float64)
    parts = (corners.map(lambda array, at=row: array[starts[at] : starts[at + 1]]) for row in rows)
    return MotionSystem(
        blocks=tuple(_block(estimate, part, motion, height) for part in parts),
        instants=motion.known[rows].any(axis=-1).sum(axis=0).astype(np.float64),
    )


def solved_columns(
    system: MotionSystem, free: Bool[Array, " column"]
) -> tuple[Float[Array, " column"], Float[Array, " column"]]:
    """Return the columns' values and standard deviations; 0 where not free."""
    chosen, blocks = np.ix_(free, free), system.blocks
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


def free_columns(
    calibration: Calibration, judged: Bool[Array, " view"], *, reference: int, readout: bool = False
) -> Bool[Array, " column"]:
    """Say which columns are estimated: a time and a place are free, so one camera has none to find."""
    views = len(judged)
    cameras = np.zeros((views, CAMERA_COLUMNS), dtype=bool)
    for view, name in enumerate(calibration.lens_evidence.chosen):
        cameras[view, :LENS_FREE] = lens_model(name).free & judged[view]
        cameras[view, LENS_FREE:] = judged[view] and view != reference
    offsets = judged & (np.arange(views) != reference)
    return np.concatenate([offsets, judged & readout, cameras.ravel()])


def _moving_rows(calibration: Calibration, motion: Motion) -> Array:
    views = motion.known.any(axis=-1).sum(axis=1)
    return np.flatnonzero(calibration.placed & (views >= 2))


def _block(
    estimate: Estimate, corners: Corners, motion: Motion, height_px: Float[Array, " view"]
) -> tuple[Array, Array]:
    """Return one instant's normal matrix and right side, its board pose eliminated.

    Columns: an offset per camera, a readout time per camera, then what each camera is free to change by.
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
    # The middle row of the image is read at the instant of the picture.
    row = (corners.pixels[:, 1] + 0.5) / height_px[corners.view] - 0.5
    by_readout = by_offset * row[:, None, None]
    columns = np.concatenate([by_offset, by_readout, by_camera.reshape(count, 2, -1)], axis=-1)
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


def typical_speed(motion: Motion, view: int) -> float:
    """Return the speed (RMS) of corners in a camera's image; 0 where no motion is known."""
    mine = motion.velocity_px[:, view][motion.known[:, view]]
    return float(np.sqrt(np.mean(np.sum(mine**2, axis=-1)))) if len(mine) else 0.0
