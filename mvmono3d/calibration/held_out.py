"""How well a rig solved without some boards measures those boards."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.calibration.bundle import solve
from mvmono3d.calibration.bundle_schur import with_shape
from mvmono3d.calibration.bundle_system import Problem
from mvmono3d.calibration.planar_pose import LEAST_CORNERS
from mvmono3d.calibration.reprojection import (
    Corners,
    Estimate,
    linearised,
    moved,
    no_step,
    residuals,
    shaped_points,
)
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.rigid import transform_from, transform_points
from mvmono3d.geometry.triangulation import triangulate

_PLACING_STEPS = 8
_PLACED = 1e-9
"""A last step (rad, m) that moves no corner."""
_LEAST_TRIANGULATED = 6
"""Corners of one board that two cameras see: fewer align with anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut(Record):
    """Errors at boards that took no part in solving for the rig that they are measured with."""

    residual_px: Float[Array, "seen 2"]
    """Of every corner, with its board placed by all cameras that saw it; 0 where not judged."""
    error_m: Float[Array, "pose corner"]
    """Distance of triangulated corners from the board's geometry, laid on them as a rigid whole; the
    geometry is as measured at the other boards, where that is measured."""
    error_as_drawn_m: Float[Array, "pose corner"]
    """The same from the board as it is drawn."""
    triangulated: Bool[Array, "pose corner"]
    """Corners that at least two cameras saw; elsewhere `error_m` is 0."""
    rms_px: Float[Array, " view"]
    """Length of the residual, per camera."""
    rms_m: Float[Array, " view"]
    """Over the triangulated corners that the camera saw."""


def held_out(estimate: Estimate, problem: Problem, *, folds: int = 5, solver: str = "schur") -> HeldOut:
    """Solve `folds` times without a share of the boards, and measure those boards each time.

    Args:
        estimate: The solution with all boards, where each of these solutions starts.
        problem: Its corners, without outliers.
        folds: Parts that the boards are dealt into, see `dealt`.
        solver: See `bundle.solve`.
    """
    corners, poses = problem.corners, len(estimate.world_from_board)
    residual = np.zeros((len(corners), 2))
    count = int(corners.corner.max()) + 1
    error, drawn = np.zeros((poses, count)), np.zeros((poses, count))
    triangulated = np.zeros((poses, count), dtype=bool)
    for rig, held in solved_without(estimate, problem, folds=folds, solver=solver):
        mine = held[corners.pose]
        judged = corners.map(lambda array, mine=mine: array[mine])
        placed = placed_boards(rig, replace(problem, corners=judged))
        residual[mine] = residuals(placed, judged)
        points, seen = _triangulated(placed, replace(problem, corners=judged), count=count)
        triangulated[held] = seen[held]
        for table, board in ((error, shaped_points(placed, judged)), (drawn, judged.point_board)):
            table[held] = _errors(points, seen, _by_number(board, judged, count=count))[held]
    return HeldOut(
        residual_px=residual,
        error_m=error,
        error_as_drawn_m=drawn,
        triangulated=triangulated,
        rms_px=_rms_per_view(
            np.sum(residual**2, axis=-1), corners, np.ones(len(corners), dtype=bool), problem
        ),
        rms_m=_rms_per_view(
            error[corners.pose, corners.corner] ** 2,
            corners,
            triangulated[corners.pose, corners.corner],
            problem,
        ),
    )


def solved_without(
    estimate: Estimate, problem: Problem, *, folds: int, solver: str, tolerance: float = 1e-6
) -> list[tuple[Estimate, Bool[Array, " pose"]]]:
    """Return, for each fold, the solution without its boards, and which boards those are."""
    if problem.shape_sigma_m is not None:
        estimate = with_shape(estimate, problem.corners)
    found = []
    sees = np.zeros((len(estimate.world_from_board), len(estimate.lens)), dtype=bool)
    sees[problem.corners.pose, problem.corners.view] = True
    fold_of = dealt(sees, min(folds, len(sees)))
    for fold in range(int(fold_of.max()) + 1):
        held = fold_of == fold
        used = ~held[problem.corners.pose]
        fewer = replace(problem, corners=problem.corners.map(lambda array, used=used: array[used]))
        kept = replace(estimate, world_from_board=estimate.world_from_board[~held])
        renumbered = replace(fewer.corners, pose=(np.cumsum(~held) - 1)[fewer.corners.pose])
        rig = solve(kept, replace(fewer, corners=renumbered), solver=solver, tolerance=tolerance)
        found.append((replace(rig, world_from_board=estimate.world_from_board), held))
    return found


def squared_at_held_out(
    estimate: Estimate, problem: Problem, *, folds: int, solver: str, tolerance: float
) -> tuple[Float[Array, "pose view"], Bool[Array, "pose view"]]:
    """Return the mean squared residual (px²) of each picture of a board not used, and where there is one."""
    corners, shape = problem.corners, (len(estimate.world_from_board), len(estimate.lens))
    squared = np.zeros(len(corners))
    for rig, held in solved_without(estimate, problem, folds=folds, solver=solver, tolerance=tolerance):
        mine = held[corners.pose]
        judged = corners.map(lambda array, mine=mine: array[mine])
        placed = placed_boards(rig, replace(problem, corners=judged))
        squared[mine] = np.sum(residuals(placed, judged) ** 2, axis=-1)
    counts = per_picture(np.ones(len(corners)), corners, shape=shape)
    return per_picture(squared, corners, shape=shape) / np.maximum(counts, 1.0), counts > 0.0


def per_picture(
    values: Float[Array, " seen"], corners: Corners, *, shape: tuple[int, int]
) -> Float[Array, "pose view"]:
    """Return the sum over the corners of each board before each camera."""
    flat = np.bincount(corners.pose * shape[1] + corners.view, values, minlength=shape[0] * shape[1])
    return flat.reshape(shape)


def dealt(sees: Bool[Array, "pose view"], folds: int) -> Int[Array, " pose"]:
    """Return the fold of every board: boards that the same cameras see are spread over all folds.

    Dealt in the order of recording, boards shown to pairs of cameras in turn would leave a camera without
    any in some fold. Raises `InvalidRecordError` for a camera whose boards are all in one fold.
    """
    fold = np.empty(len(sees), dtype=np.int64)
    fold[np.lexsort(sees.T)] = np.arange(len(sees)) % folds
    for view in range(sees.shape[1]):
        if len(np.unique(fold[sees[:, view]])) < 2:
            raise InvalidRecordError(
                f"camera {view} (from 0) sees {int(sees[:, view].sum())} boards, all of which would be held "
                "out at once: without them nothing is known of it; show it the board in more poses"
            )
    return fold


def placed_boards(rig: Estimate, problem: Problem) -> Estimate:
    """Place every board by all its corners, the cameras held: Gauss-Newton from where they are."""
    corners, poses = problem.corners, len(rig.world_from_board)
    weight = (1.0 / problem.sigma_px[corners.view] ** 2)[:, None]
    for _ in range(_PLACING_STEPS):
        rest, found = linearised(rig, corners)
        by_board = found.board
        normal, right = np.zeros((poses, 6, 6)), np.zeros((poses, 6))
        product = np.swapaxes(by_board, 1, 2) @ by_board * weight[..., None]
        np.add.at(normal, corners.pose, product)
        pull = (np.swapaxes(by_board, 1, 2) @ rest[..., None])[..., 0]
        np.add.at(right, corners.pose, pull * weight)
        known = np.bincount(corners.pose, minlength=poses) >= LEAST_CORNERS
        normal[~known], right[~known] = np.eye(6), 0.0
        step = np.linalg.solve(normal, -right[..., None])[..., 0]
        rig = moved(rig, replace(no_step(rig), board=step))
        if float(np.abs(step).max()) < _PLACED:
            break
    return rig


def _triangulated(placed: Estimate, problem: Problem, *, count: int) -> tuple[Array, Array]:
    """Return the points (pose, corner, 3) and which of them two cameras saw, on boards with enough."""
    corners, poses, views = problem.corners, len(placed.world_from_board), len(placed.lens)
    pixels, weights = np.zeros((poses, views, count, 2)), np.zeros((poses, views, count))
    pixels[corners.pose, corners.view, corners.corner] = corners.pixels
    weights[corners.pose, corners.view, corners.corner] = 1.0 / problem.sigma_px[corners.view] ** 2
    found = triangulate(
        pixels, weights, lens=placed.lens, camera_from_world=placed.camera_from_world, steps=5
    )
    seen = found.solved & ((weights > 0.0).sum(axis=1) >= 2)
    return found.points_world, seen & (seen.sum(axis=1) >= _LEAST_TRIANGULATED)[:, None]


def _by_number(points: Array, corners: Corners, *, count: int) -> Array:
    board = np.zeros((count, 3))
    board[corners.corner] = points
    return board


def _errors(points_world: Array, seen: Array, board: Array) -> Array:
    """Return how far points are from a board that is laid on them."""
    error = np.zeros(seen.shape)
    for pose in np.flatnonzero(seen.any(axis=1)):
        mine = seen[pose]
        points = points_world[pose, mine]
        laid = transform_points(_laid_on(points, board[mine]), board[mine])
        error[pose, mine] = np.linalg.norm(laid - points, axis=-1)
    return error


def _laid_on(points: Array, board: Array) -> Array:
    """Return the rigid transform that brings the board's corners nearest to points (Kabsch 1976)."""
    middle, board_middle = points.mean(axis=0), board.mean(axis=0)
    left, _, right = np.linalg.svd((points - middle).T @ (board - board_middle))
    rotation = left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right
    return transform_from(rotation, middle - rotation @ board_middle)


def _rms_per_view(squared: Array, corners: Corners, judged: Array, problem: Problem) -> Array:
    rms = np.zeros(len(problem.models))
    for view in range(len(rms)):
        mine = squared[(corners.view == view) & judged]
        rms[view] = np.sqrt(mine.mean()) if len(mine) else 0.0
    return rms
