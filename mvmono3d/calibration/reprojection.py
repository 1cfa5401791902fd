"""Corners, what is estimated from them, and how far apart the two are: residuals and their Jacobian."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.lens_derivative import by_lens
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.geometry.lens import distort
from mvmono3d.geometry.lens_stretch import distortion_jacobian
from mvmono3d.geometry.rigid import (
    compose,
    cross_matrix,
    multiply,
    rotation_from_vector,
    transform_from,
)

NEAREST_M = 1e-2
"""Depths are held beyond this, so that a board that passes a camera in a bad step stays finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corners(Record):
    """Seen corners as one list: who saw which corner of which pose where."""

    view: Int[Array, " seen"]
    pose: Int[Array, " seen"]
    corner: Int[Array, " seen"]
    point_board: Float[Array, "seen 3"]
    pixels: Float[Array, "seen 2"]

    def __len__(self) -> int:
        return len(self.view)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate(Record):
    """Everything that a bundle adjustment moves."""

    lens: Float[Array, "view 10"]
    camera_from_world: Float[Array, "view 3 4"]
    world_from_board: Float[Array, "pose 3 4"]
    shape_m: Float[Array, "corner 3"] | None = None
    """By how far each corner of the board lies from where it is drawn; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Record):
    """A change of an estimate: a turn (rad) and a shift (m) after each transform, and added to each lens."""

    lens: Float[Array, "view 9"]
    camera: Float[Array, "view 6"]
    board: Float[Array, "pose 6"]


class Derivatives(NamedTuple):
    """Of each corner's residual (px) by the lens and the pose of its camera and by the pose of its board."""

    lens: Float[Array, "seen 2 9"]
    camera: Float[Array, "seen 2 6"]
    board: Float[Array, "seen 2 6"]


def corners_of(sightings: BoardSightings) -> Corners:
    """List the seen corners of a record of sightings."""
    pose, view, corner = np.nonzero(sightings.seen)
    return Corners(
        view=view,
        pose=pose,
        corner=corner,
        point_board=np.asarray(sightings.corners_m, dtype=np.float64)[corner],
        pixels=np.asarray(sightings.pixels, dtype=np.float64)[pose, view, corner],
    )


def shaped_points(estimate: Estimate, corners: Corners) -> Float[Array, "seen 3"]:
    """Return where on the board the corners lie, as the board is and not as it is drawn."""
    if estimate.shape_m is None:
        return corners.point_board
    return corners.point_board + estimate.shape_m[corners.corner]


def no_step(estimate: Estimate) -> Step:
    """Return the step that changes nothing."""
    views, poses = len(estimate.lens), len(estimate.world_from_board)
    return Step(lens=np.zeros((views, 9)), camera=np.zeros((views, 6)), board=np.zeros((poses, 6)))


def moved(estimate: Estimate, step: Step) -> Estimate:
    """Return the estimate after a step: x -> exp(turn) x + shift behind each transform."""
    lens = np.array(estimate.lens)
    lens[:, :9] += step.lens
    return replace(
        estimate,
        lens=lens,
        camera_from_world=compose(_transform(step.camera), estimate.camera_from_world),
        world_from_board=_turned(estimate.world_from_board, step.board),
    )


def predicted(estimate: Estimate, corners: Corners) -> Float[Array, "seen 2"]:
    """Return the pixels at which the estimate expects the corners."""
    _, points_camera = _points(estimate, corners)
    return _imaged(_normalised(points_camera), estimate.lens, corners.view)


def residuals(estimate: Estimate, corners: Corners) -> Float[Array, "seen 2"]:
    """Return predicted less observed pixels."""
    return predicted(estimate, corners) - corners.pixels


def derivatives(estimate: Estimate, corners: Corners, *, step: Step | None = None) -> Derivatives:
    """Return the derivatives of `residuals` by a step: see `linearised`."""
    return linearised(estimate, corners, step=step)[1]


def linearised(
    estimate: Estimate, corners: Corners, *, step: Step | None = None
) -> tuple[Float[Array, "seen 2"], Derivatives]:
    """Return `residuals` and their derivatives by a step.

    Args:
        estimate: Where they are taken.
        corners: Of which residuals.
        step: The step that led to the estimate; the derivatives are then by that step's numbers. Without
            it they are by a small step from here.
    """
    points_world, points_camera = _points(estimate, corners)
    normalised, lens = _normalised(points_camera), np.asarray(estimate.lens)[corners.view]
    depth = np.maximum(points_camera[:, 2], NEAREST_M)
    stretch = distortion_jacobian(normalised[:, None], lens)[:, 0]
    scaled = stretch * (lens[:, :2] / depth[:, None])[..., None]
    by_depth = -(scaled[..., 0] * normalised[:, :1] + scaled[..., 1] * normalised[:, 1:])
    by_camera_point = np.concatenate([scaled, by_depth[..., None]], axis=-1)
    by_world_point = by_camera_point @ estimate.camera_from_world[corners.view][..., :3]
    camera_step = None if step is None else step.camera[corners.view]
    board_step = None if step is None else step.board[corners.pose]
    from_origin = points_world - estimate.world_from_board[corners.pose][..., 3]
    pixels = _imaged(normalised, estimate.lens, corners.view)
    found = Derivatives(
        by_lens(normalised, lens, pixels),
        _by_transform(by_camera_point, points_camera, camera_step),
        _by_transform(by_world_point, from_origin, board_step, shifted=False),
    )
    return pixels - corners.pixels, found


def _points(estimate: Estimate, corners: Corners) -> tuple[Array, Array]:
    points_board = shaped_points(estimate, corners)
    points_world = _carried(estimate.world_from_board[corners.pose], points_board)
    return points_world, _carried(estimate.camera_from_world[corners.view], points_world)


def _carried(transform: Array, points: Array) -> Array:
    """Carry every point by its own transform."""
    return np.einsum("nij,nj->ni", transform[..., :3], points) + transform[..., 3]


def _normalised(points_camera: Array) -> Array:
    return points_camera[:, :2] / np.maximum(points_camera[:, 2:], NEAREST_M)


def _imaged(normalised: Array, lens: Array, view: Array) -> Array:
    """Return the pixels of points through the lenses of their views: view by view, as lenses cost more."""
    order = np.argsort(view, kind="stable")
    counts = np.bincount(view, minlength=len(lens))
    place = np.arange(len(view)) - np.repeat(np.cumsum(counts) - counts, counts)
    by_view = np.zeros((len(lens), int(counts.max(initial=0)), 2))
    by_view[view[order], place] = normalised[order]
    pixels = np.empty_like(normalised)
    pixels[order] = distort(by_view, lens)[view[order], place]
    return pixels


def _by_transform(by_point: Array, points: Array, step: Array | None, *, shifted: bool = True) -> Array:
    """Return the derivative by turn and shift of x -> exp(turn) x + shift, from that by the moved points."""
    turned = points if step is None or not shifted else points - step[:, 3:]
    found = np.empty((*by_point.shape[:-1], 6))
    found[..., 3:] = by_point
    # -a^T [x]x = (x × a)^T for every row a.
    for axis, (one, two) in enumerate(((1, 2), (2, 0), (0, 1))):
        found[..., axis] = (
            turned[:, None, one] * by_point[..., two] - turned[:, None, two] * by_point[..., one]
        )
    if step is not None:
        found[..., :3] = found[..., :3] @ _left_jacobian(step[:, :3])
    return found


def _left_jacobian(turn: Array) -> Array:
    """Return J with exp(turn + δ) = exp(J δ) exp(turn) to first order (Solà 2018, eq. 145)."""
    angle = np.linalg.norm(turn, axis=-1)[:, None, None]
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    skew = cross_matrix(turn)
    first = np.where(small, 0.5 - angle**2 / 24.0, (1.0 - np.cos(safe)) / safe**2)
    second = np.where(small, 1.0 / 6.0 - angle**2 / 120.0, (safe - np.sin(safe)) / safe**3)
    return np.eye(3) + first * skew + second * multiply(skew, skew)


def _transform(step: Array) -> Array:
    return transform_from(rotation_from_vector(step[:, :3]), step[:, 3:])


def _turned(world_from_board: Array, step: Array) -> Array:
    """Turn each board about its own origin and shift it."""
    rotation = rotation_from_vector(step[:, :3])
    shifted = world_from_board[..., 3] + step[:, 3:]
    return transform_from(multiply(rotation, world_from_board[..., :3]), shifted)
