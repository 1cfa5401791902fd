"""Bundle adjustment by `scipy.optimize.least_squares`: the reference, which needs no other package."""

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares
from scipy.sparse.linalg import LinearOperator

from mvmono3d.calibration.bundle_system import Problem, robust_jacobian, robust_rows, step_from
from mvmono3d.calibration.reprojection import Estimate, Step, moved
from mvmono3d.core.array import Array

_RIDGE = 1e-12
"""Added to the scaled normal matrix, so that columns which few corners fix still have a factor."""

_FIRST_STEP = 1e3
"""First trust region, in whitened units: the square root of the cost that a step may explain."""
_INNER = 1e-9
_INNER_STEPS = 60
_EVALUATIONS = 5
"""Of the rows in one round; then the factor is taken anew."""
_ROUNDS = 20
_SETTLED = 1e-2
"""A round that gains no more than this share of the cost was near enough for its factor to be exact."""


def solve_with_scipy(start: Estimate, problem: Problem, *, tolerance: float = 1e-10) -> Estimate:
    """Return the estimate of least robust cost, by trust regions with a sparse Jacobian.

    The free numbers are seen through the triangular factor of the normal matrix at the start of each
    round: the Jacobian there has orthonormal columns, so that few inner iterations of LSMR are exact.
    Without it they stall (focal lengths against depths). Branch, Coleman, Li (1999); Fong, Saunders (2011).
    """
    cost = _cost(start, problem)
    for _ in range(_ROUNDS):
        start, settled = _round(start, problem, tolerance=tolerance)
        before, cost = cost, _cost(start, problem)
        if settled and before - cost <= _SETTLED * cost:
            break
    return start


def _cost(estimate: Estimate, problem: Problem) -> float:
    return float(np.sum(robust_rows(estimate, problem) ** 2))


def _round(start: Estimate, problem: Problem, *, tolerance: float) -> tuple[Estimate, bool]:
    """Return the estimate after a few steps, and whether they ended by themselves."""
    free = problem.free(len(start.world_from_board))
    factor = _factor(robust_jacobian(start, problem)[:, free])

    def step_of(whitened: Array) -> Step:
        columns = np.zeros(len(free))
        columns[free] = solve_triangular(factor, whitened, trans=1, lower=True)
        return step_from(columns, views=len(start.lens))

    def rows(whitened: Array) -> Array:
        return robust_rows(moved(start, step_of(whitened)), problem)

    def jacobian(whitened: Array) -> LinearOperator:
        step = step_of(whitened)
        return _through(robust_jacobian(moved(start, step), problem, step=step)[:, free], factor)

    # scipy's stubs know neither an operator as Jacobian nor operators made of functions.
    found = least_squares(
        rows,
        np.zeros(int(free.sum())),
        jac=jacobian,  # pyright: ignore[reportArgumentType]
        x_scale=_FIRST_STEP,
        ftol=tolerance,
        xtol=tolerance,
        gtol=tolerance,
        max_nfev=_EVALUATIONS,
        tr_solver="lsmr",
        tr_options={"atol": _INNER, "btol": _INNER, "regularize": False, "maxiter": _INNER_STEPS},
    )
    return moved(start, step_of(found.x)), found.status > 0


def _factor(jacobian: sparse.csr_array) -> Array:
    """Return lower L with L L^T near J^T J, from the matrix with a unit diagonal."""
    normal = (jacobian.T @ jacobian).toarray()
    scale = np.sqrt(np.maximum(np.diag(normal), np.finfo(np.float64).tiny))
    unit = normal / scale[:, None] / scale[None]
    return scale[:, None] * np.linalg.cholesky(unit + _RIDGE * np.eye(len(unit)))


def _through(jacobian: sparse.csr_array, factor: Array) -> LinearOperator:
    """Return J L^-T as an operator."""
    transposed = jacobian.T.tocsr()
    return LinearOperator(
        dtype=np.dtype(np.float64),
        shape=jacobian.shape,
        matvec=lambda v: jacobian @ solve_triangular(factor, v.ravel(), trans=1, lower=True),  # pyright: ignore[reportCallIssue]
        rmatvec=lambda v: solve_triangular(factor, transposed @ v.ravel(), lower=True),  # pyright: ignore[reportCallIssue]
    )
