"""Bundle adjustment by Levenberg-Marquardt, every board eliminated: a few milliseconds a step."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import sparse

from mvmono3d.calibration.bundle_system import (
    BOARD_COLUMNS,
    CAMERA_COLUMNS,
    Problem,
    robust_blocks,
    robust_rows,
    step_from,
)
from mvmono3d.calibration.reprojection import Corners, Estimate, moved
from mvmono3d.core.array import Array

_STEPS = 60
_FIRST_DAMPING = 1e-5
_MOST_DAMPING = 1e10
_SPLIT = CAMERA_COLUMNS
_END = CAMERA_COLUMNS + BOARD_COLUMNS
"""Columns of a corner's rows: the camera's up to the first, the board's up to the second, the residual."""
_RIDGE = 1e-12
"""Of each diagonal: what no corner fixes stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Normal:
    """The normal equations in blocks: of everything that all boards share, and of each board."""

    shared: Float[Array, "column column"]
    """Of all cameras' numbers, then of the board's shape if that is free."""
    shared_pull: Float[Array, " column"]
    across: Float[Array, "pose column 6"]
    board: Float[Array, "pose 6 6"]
    board_pull: Float[Array, "pose 6"]


def solve_with_schur(start: Estimate, problem: Problem, *, tolerance: float = 1e-10) -> Estimate:
    """Return the estimate of least robust cost, as `solve_with_scipy` does, and the board's shape if free.

    Boards meet only through cameras (and the shape that all poses share), so each pose is eliminated from
    the normal equations by itself, and what is left is small (Schur complement). Triggs et al., Bundle
    adjustment: a modern synthesis (2000), section 6.1; damping by the diagonal, Marquardt (1963). A shape
    costs its squares over `shape_sigma_m`, which also fixes what poses could take up: its place and scale.
    """
    order = np.lexsort((problem.corners.view, problem.corners.pose))
    problem = replace(problem, corners=problem.corners.map(lambda array: array[order]))
    free = problem.free(0)
    if problem.shape_sigma_m is not None:
        start = with_shape(start, problem.corners)
        free = np.append(free, np.ones(0 if start.shape_m is None else start.shape_m.size, dtype=bool))
    damping, cost = _FIRST_DAMPING, _cost(start, problem)
    normal = _normal(start, problem)
    for _ in range(_STEPS):
        tried = _stepped(start, _step(normal, free, damping=damping), shared=len(free))
        gain = cost - _cost(tried, problem)
        if gain > 0.0:
            start, cost, damping = tried, cost - gain, damping / 10.0
            if gain <= tolerance * cost:
                break
            normal = _normal(start, problem)
            continue
        # Worse by rounding alone: there is nothing left to gain.
        if -gain <= tolerance * cost or damping > _MOST_DAMPING:
            break
        damping = max(damping, _FIRST_DAMPING) * 10.0
    return start


def with_shape(estimate: Estimate, corners: Corners) -> Estimate:
    """Return the estimate with a shape: its own, or that of the drawing."""
    if estimate.shape_m is not None:
        return estimate
    return replace(estimate, shape_m=np.zeros((int(corners.corner.max()) + 1, 3)))


def _cost(estimate: Estimate, problem: Problem) -> float:
    rows = robust_rows(estimate, problem)
    return float(rows @ rows) + _shape_cost(estimate, problem)


def _shape_cost(estimate: Estimate, problem: Problem) -> float:
    if problem.shape_sigma_m is None or estimate.shape_m is None:
        return 0.0
    return float(np.sum((estimate.shape_m / problem.shape_sigma_m) ** 2))


def _stepped(estimate: Estimate, step: Array, *, shared: int) -> Estimate:
    views = len(estimate.lens)
    cameras, shape = np.split(step[:shared], [views * CAMERA_COLUMNS])
    moved_on = moved(estimate, step_from(np.append(cameras, step[shared:]), views=views))
    if not len(shape) or estimate.shape_m is None:
        return moved_on
    return replace(moved_on, shape_m=estimate.shape_m + shape.reshape(-1, 3))


def _normal(estimate: Estimate, problem: Problem) -> _Normal:
    views, poses, corners = len(estimate.lens), len(estimate.world_from_board), problem.corners
    shape, sigma_m = estimate.shape_m, problem.shape_sigma_m
    columns = views * CAMERA_COLUMNS + (0 if shape is None or sigma_m is None else shape.size)
    normal = _Normal(
        shared=np.zeros((columns, columns)),
        shared_pull=np.zeros(columns),
        across=np.zeros((poses, columns, BOARD_COLUMNS)),
        board=np.zeros((poses, BOARD_COLUMNS, BOARD_COLUMNS)),
        board_pull=np.zeros((poses, BOARD_COLUMNS)),
    )
    rows = robust_blocks(estimate, problem)
    # One block of rows for each picture of a board: its square holds all products at once.
    starts = np.flatnonzero(np.diff(corners.pose, prepend=-1) | np.diff(corners.view, prepend=-1))
    for first, last in zip(starts, [*starts[1:], len(corners)], strict=True):
        view, pose = int(corners.view[first]), int(corners.pose[first])
        picture = rows[first:last].reshape(-1, _END + 1)
        square = picture.T @ picture
        mine = slice(view * CAMERA_COLUMNS, (view + 1) * CAMERA_COLUMNS)
        normal.shared[mine, mine] += square[:_SPLIT, :_SPLIT]
        normal.shared_pull[mine] += square[:_SPLIT, _END]
        normal.across[pose, mine] = square[:_SPLIT, _SPLIT:_END]
        normal.board[pose] += square[_SPLIT:_END, _SPLIT:_END]
        normal.board_pull[pose] += square[_SPLIT:_END, _END]
    if shape is not None and sigma_m is not None:
        _add_shape(normal, rows, estimate, corners, shape=shape, sigma_m=sigma_m)
    return normal


def _add_shape(
    normal: _Normal, rows: Array, estimate: Estimate, corners: Corners, *, shape: Array, sigma_m: float
) -> None:
    """Add what the corners' own places on the board have to do with everything else."""
    views, poses, count = len(estimate.lens), len(estimate.world_from_board), len(shape)
    first = views * CAMERA_COLUMNS
    # A corner that lies elsewhere on the board is shifted in the world by the board's turn.
    by_shape = rows[..., _END - 3 : _END] @ estimate.world_from_board[corners.pose][..., :3]
    product = np.swapaxes(by_shape, 1, 2) @ np.concatenate([by_shape, rows], axis=-1)
    own, products = product[..., :3], product[..., 3:]
    place = np.arange(count)
    # A view that the matrix's own memory is written through: no copy, as its axes are only split.
    blocks = normal.shared[first:, first:].reshape(count, 3, count, 3)
    blocks[place, :, place] = _summed(own, corners.corner, count) + np.eye(3) / sigma_m**2
    pull = _summed(products[..., _END], corners.corner, count) + shape / sigma_m**2
    normal.shared_pull[first:] = pull.ravel()
    meets = _summed(products[..., :_SPLIT], corners.corner * views + corners.view, count * views)
    meets = meets.reshape(count, views, 3, CAMERA_COLUMNS).transpose(0, 2, 1, 3).reshape(count * 3, first)
    normal.shared[first:, :first], normal.shared[:first, first:] = meets, meets.T
    across = _summed(products[..., _SPLIT:_END], corners.pose * count + corners.corner, poses * count)
    normal.across[:, first:] = across.reshape(poses, count * 3, BOARD_COLUMNS)


def _summed(values: Array, group: Array, groups: int) -> Array:
    """Return the sum of the values of each group."""
    flat = values.reshape(len(values), -1)
    member = sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))), (groups, len(group)))
    return (member @ flat).reshape(groups, *values.shape[1:])


def _step(normal: _Normal, free: Array, *, damping: float) -> Array:
    """Return the step of all columns."""
    held = damping + _RIDGE
    diagonal = np.diagonal(normal.board, axis1=1, axis2=2)
    board = normal.board + (held * diagonal + _RIDGE)[..., None] * np.eye(BOARD_COLUMNS)
    inverse = np.linalg.inv(board)
    across = normal.across[:, free]
    carried = across @ inverse
    shared = normal.shared[np.ix_(free, free)]
    flat = len(shared), -1
    reduced = shared + held * np.diag(np.diag(shared)) + _RIDGE * np.eye(len(shared))
    reduced -= carried.transpose(1, 0, 2).reshape(flat) @ across.transpose(1, 0, 2).reshape(flat).T
    right = normal.shared_pull[free] - np.einsum("pcb,pb->c", carried, normal.board_pull)
    step = np.zeros(len(free))
    step[free] = -np.linalg.solve(reduced, right)
    boards = normal.board_pull + np.einsum("pcb,c->pb", across, step[free])
    return np.concatenate([step, -np.einsum("pij,pj->pi", inverse, boards).ravel()])
