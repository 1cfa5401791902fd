"""Bundle adjustment by Levenberg-Marquardt, every board eliminated: a few milliseconds a step."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.bundle_system import (
    BOARD_COLUMNS,
    CAMERA_COLUMNS,
    Problem,
    robust_blocks,
    robust_rows,
    step_from,
)
from mvmono3d.calibration.reprojection import Estimate, moved
from mvmono3d.core.array import Array

_STEPS = 60
_FIRST_DAMPING = 1e-5
_MOST_DAMPING = 1e10
_RIDGE = 1e-12
"""Of each diagonal: what no corner fixes stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Normal:
    """The normal equations in blocks."""

    camera: Float[Array, "column column"]
    """Of all cameras' numbers; different cameras meet only through boards."""
    camera_pull: Float[Array, " column"]
    across: Float[Array, "pose column 6"]
    board: Float[Array, "pose 6 6"]
    board_pull: Float[Array, "pose 6"]


def solve_with_schur(start: Estimate, problem: Problem, *, tolerance: float = 1e-10) -> Estimate:
    """Return the estimate of least robust cost, as `solve_with_scipy` does.

    Boards meet only through cameras, so each is eliminated from the normal equations by itself, and what
    is left has the cameras' numbers alone (Schur complement). Triggs et al., Bundle adjustment: a modern
    synthesis (2000), section 6.1; damping by the diagonal, Marquardt (1963).
    """
    order = np.lexsort((problem.corners.view, problem.corners.pose))
    problem = replace(problem, corners=problem.corners.map(lambda array: array[order]))
    free = problem.free(0)
    damping, cost = _FIRST_DAMPING, _cost(start, problem)
    normal = _normal(start, problem)
    for _ in range(_STEPS):
        tried = moved(start, step_from(_step(normal, free, damping=damping), views=len(start.lens)))
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


def _cost(estimate: Estimate, problem: Problem) -> float:
    rows = robust_rows(estimate, problem)
    return float(rows @ rows)


def _normal(estimate: Estimate, problem: Problem) -> _Normal:
    views, poses = len(estimate.lens), len(estimate.world_from_board)
    columns, corners = views * CAMERA_COLUMNS, problem.corners
    normal = _Normal(
        camera=np.zeros((columns, columns)),
        camera_pull=np.zeros(columns),
        across=np.zeros((poses, columns, BOARD_COLUMNS)),
        board=np.zeros((poses, BOARD_COLUMNS, BOARD_COLUMNS)),
        board_pull=np.zeros((poses, BOARD_COLUMNS)),
    )
    rows = robust_blocks(estimate, problem)
    # One block of rows for each picture of a board: its square holds all products at once.
    starts = np.flatnonzero(np.diff(corners.pose, prepend=-1) | np.diff(corners.view, prepend=-1))
    split, end = CAMERA_COLUMNS, CAMERA_COLUMNS + BOARD_COLUMNS
    for first, last in zip(starts, [*starts[1:], len(corners)], strict=True):
        view, pose = int(corners.view[first]), int(corners.pose[first])
        picture = rows[first:last].reshape(-1, end + 1)
        square = picture.T @ picture
        mine = slice(view * CAMERA_COLUMNS, (view + 1) * CAMERA_COLUMNS)
        normal.camera[mine, mine] += square[:split, :split]
        normal.camera_pull[mine] += square[:split, end]
        normal.across[pose, mine] = square[:split, split:end]
        normal.board[pose] += square[split:end, split:end]
        normal.board_pull[pose] += square[split:end, end]
    return normal


def _step(normal: _Normal, free: Array, *, damping: float) -> Array:
    """Return the step of all columns."""
    held = damping + _RIDGE
    diagonal = np.diagonal(normal.board, axis1=1, axis2=2)
    board = normal.board + (held * diagonal + _RIDGE)[..., None] * np.eye(BOARD_COLUMNS)
    inverse = np.linalg.inv(board)
    across = normal.across[:, free]
    carried = across @ inverse
    camera = normal.camera[np.ix_(free, free)]
    flat = len(camera), -1
    reduced = camera + held * np.diag(np.diag(camera)) + _RIDGE * np.eye(len(camera))
    reduced -= carried.transpose(1, 0, 2).reshape(flat) @ across.transpose(1, 0, 2).reshape(flat).T
    right = normal.camera_pull[free] - np.einsum("pcb,pb->c", carried, normal.board_pull)
    step = np.zeros(len(free))
    step[free] = -np.linalg.solve(reduced, right)
    boards = normal.board_pull + np.einsum("pcb,c->pb", across, step[free])
    return np.concatenate([step, -np.einsum("pij,pj->pi", inverse, boards).ravel()])
