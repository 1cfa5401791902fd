"""Closed forms for symmetric 3x3 matrices: no decomposition, so they differentiate and export.

Each returns `ok`, true where the matrix is positive definite beyond rounding; elsewhere the answer is 0.
"""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace

SINGULAR = 1e-9
"""Least determinant over cubed trace of normal equations: rays within about 0.01 degree are parallel."""
_RESOLUTION = 8.0
"""Smallest eigenvalue that counts, relative to the trace, in units of the dtype's rounding."""
_LEAST_TRACE = 1e-30
_MINORS = ((5, 6, 4, 10, 8, 0, 6, 4, 5, 8, 9, 1), (10, 8, 9, 0, 1, 5, 9, 10, 8, 2, 0, 4))
"""Where the factors of the minors 00 01 02 11 12 22 stand in a flat 3x4 system: six products, six to
subtract."""
_CRAMER = ((0, 1, 2, 0, 1, 2, 1, 3, 4, 2, 4, 5), (0, 4, 8, 3, 7, 11, 3, 7, 11, 3, 7, 11))
"""Where the factors of the determinant and of the three unknowns stand in minors and system."""
_WHOLE = (0, 1, 2, 1, 3, 4, 2, 4, 5)
"""The adjugate, row by row, among the minors."""


class Solved(NamedTuple):
    """The solution of A x = b, 0 where A is singular."""

    solution: Float[Array, "*batch 3"]
    ok: Bool[Array, "*batch"]


class Inverted(NamedTuple):
    """The inverse, symmetric and positive definite; 0 where the matrix is singular."""

    inverse: Float[Array, "*batch 3 3"]
    ok: Bool[Array, "*batch"]


class Factored(NamedTuple):
    """The lower triangular L of A = L L^T; 0 where A is singular."""

    lower: Float[Array, "*batch 3 3"]
    ok: Bool[Array, "*batch"]


class Normal(NamedTuple):
    """The solutions of systems of normal equations; 0 where they don't fix a point."""

    solution: Float[Array, "component=3 *batch"]
    inverse: Float[Array, "entry=9 *batch"]
    """Row by row."""
    ok: Bool[Array, "one=1 *batch"]


class _Factors(NamedTuple):
    """A = scale * L D L^T, L with unit diagonal and D positive."""

    upper: Array
    """D L^T."""
    inverse: Array
    """L^-1."""
    pivots: Array
    """D (*batch 3 1)."""
    scale: Array
    """(*batch 1 1)"""
    ok: Array
    """(*batch 1 1)"""


def resolution(matrix: Float[Array, "*batch 3 3"]) -> float:
    """Return the smallest share of the trace that an eigenvalue can have and still be told from 0."""
    return _RESOLUTION * float(namespace(matrix).finfo(matrix.dtype).eps)


def identity3(like: Array) -> Float[Array, "3 3"]:
    """Return the identity as a constant of the same kind, dtype and device; `eye` doesn't export."""
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    return namespace(like).asarray(rows, dtype=like.dtype, device=device(like))


def determinant3(matrix: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch"]:
    """Return the determinant of any 3x3 matrix by cofactors."""
    a, b, c = (matrix[..., 0, column] for column in range(3))
    d, e, f = (matrix[..., 1, column] for column in range(3))
    g, h, i = (matrix[..., 2, column] for column in range(3))
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def solve3(matrix: Float[Array, "*#batch 3 3"], right: Float[Array, "*#batch 3"]) -> Solved:
    """Solve A x = b for symmetric positive definite A by L D L^T."""
    xp = namespace(matrix, right)
    factors = _factor(matrix)
    forward = xp.sum(factors.inverse * right[..., None, :], axis=-1, keepdims=True)
    solution = xp.sum(factors.inverse * (forward / (factors.pivots * factors.scale)), axis=-2)
    return Solved(xp.where(factors.ok[..., 0], solution, 0.0), factors.ok[..., 0, 0])


def inverse3(matrix: Float[Array, "*batch 3 3"]) -> Inverted:
    """Invert a symmetric positive definite matrix as L^-T D^-1 L^-1, which keeps it so under rounding."""
    xp = namespace(matrix)
    factors = _factor(matrix)
    root = factors.inverse / xp.sqrt(factors.pivots)
    inverse = xp.sum(root[..., :, :, None] * root[..., :, None, :], axis=-3) / factors.scale
    return Inverted(xp.where(factors.ok, inverse, 0.0), factors.ok[..., 0, 0])


def squared_length3(
    matrix: Float[Array, "*#batch 3 3"], vector: Float[Array, "*#batch 3"]
) -> Float[Array, "*#batch"]:
    """Return v^T A^-1 v for symmetric positive definite A, not negative; 0 where A is singular."""
    xp = namespace(matrix, vector)
    factors = _factor(matrix)
    forward = xp.sum(factors.inverse * vector[..., None, :], axis=-1, keepdims=True)
    length = xp.sum(forward * forward / (factors.pivots * factors.scale), axis=(-2, -1))
    return xp.where(factors.ok[..., 0, 0], length, 0.0)


def cholesky3(matrix: Float[Array, "*batch 3 3"]) -> Factored:
    """Factor a symmetric positive definite matrix into L L^T."""
    xp = namespace(matrix)
    factors = _factor(matrix)
    upper = factors.upper * xp.sqrt(factors.scale / factors.pivots)
    return Factored(xp.where(factors.ok, xp.matrix_transpose(upper), 0.0), factors.ok[..., 0, 0])


def solve_normal(systems: Float[Array, "entry=12 *batch"]) -> Normal:
    """Solve normal equations [A | b], 3x4 each, row by row on the FIRST axis, by the adjugate.

    Every view adds two directions of equal weight to A, so its two larger eigenvalues are of one size, and
    there the adjugate is as exact as elimination, in a fifth of the operations. `ok` asks that the
    determinant be at least `SINGULAR` of the cubed trace, and told from 0. A covariance matrix, long in one
    direction, is a case for `solve3`.
    """
    xp = namespace(systems)
    scale = xp.clip(xp.sum(systems[:12:5, ...], axis=0, keepdims=True), min=_LEAST_TRACE)
    scaled = systems / scale
    products = _take(scaled, _MINORS[0]) * _take(scaled, _MINORS[1])
    adjugate = products[:6, ...] - products[6:, ...]
    terms = _take(adjugate, _CRAMER[0]) * _take(scaled, _CRAMER[1])
    solved = xp.sum(xp.reshape(terms, (4, 3, *systems.shape[1:])), axis=1)
    ok = solved[:1, ...] > max(SINGULAR, 2.0 * float(xp.finfo(systems.dtype).eps))
    divisor = xp.where(ok, solved[:1, ...], math.inf)
    return Normal(solved[1:, ...] / divisor, _take(adjugate, _WHOLE) / (divisor * scale), ok)


def _take(rows: Array, places: tuple[int, ...]) -> Array:
    xp = namespace(rows)
    return xp.take(rows, xp.asarray(list(places), device=device(rows)), axis=0)


def _factor(matrix: Array) -> _Factors:
    """Eliminate without pivoting, which is stable where A is positive definite and finite where it isn't."""
    xp = namespace(matrix)
    flat = xp.reshape(matrix, (*matrix.shape[:-2], 9))
    trace = xp.sum(flat[..., ::4], axis=-1)[..., None, None]
    scale = xp.where(trace > 0.0, trace, 1.0)
    identity = xp.broadcast_to(identity3(matrix), matrix.shape)
    least = resolution(matrix)
    rest = xp.concat([matrix / scale, identity], axis=-1)
    rows, pivots = [], []
    for place in range(3):
        row = rest[..., place : place + 1, :]
        # A pivot that is rounding becomes the least one: no division and no gradient is ever infinite.
        pivot = xp.clip(row[..., place : place + 1], min=least)
        rows.append(row)
        pivots.append(pivot)
        if place < 2:
            rest = rest - rest[..., place : place + 1] * (row / pivot)
    upper, pivots = xp.concat(rows, axis=-2), xp.concat(pivots, axis=-2)
    inverse = upper[..., 3:]
    # A pivot alone can be rounding, amplified where the weak axis lies close to a coordinate plane; the
    # trace of the inverse bounds the smallest eigenvalue whichever way the weak axis points.
    inverse_trace = xp.sum(inverse * inverse / pivots, axis=(-2, -1), keepdims=True)
    return _Factors(upper[..., :3], inverse, pivots, scale, inverse_trace < 1.0 / least)
