"""Closed forms for symmetric 3x3 matrices: no decomposition, so they differentiate and export.

Each returns `ok`, true where the matrix is positive definite beyond rounding; elsewhere the answer is 0.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace

_RESOLUTION = 8.0
"""Smallest eigenvalue that counts, relative to the trace, in units of the dtype's rounding."""


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


class _Factors(NamedTuple):
    """A = scale * L D L^T, L with unit diagonal and D positive."""

    scale: Array
    pivots: tuple[Array, Array, Array]
    lower: tuple[Array, Array, Array]
    """Entries 10, 20, 21."""
    ok: Array


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
    """Solve A x = b for symmetric positive definite A by L D L^T; only the lower triangle of A is read."""
    xp = namespace(matrix, right)
    factors = _factor(matrix)
    solution = _substitute(factors, right)
    return Solved(xp.where(factors.ok[..., None], solution, 0.0), factors.ok)


def inverse3(matrix: Float[Array, "*batch 3 3"]) -> Inverted:
    """Invert a symmetric positive definite matrix as L^-T D^-1 L^-1, which keeps it so under rounding."""
    xp = namespace(matrix)
    scale, (d0, d1, d2), (l10, l20, l21), ok = _factor(matrix)
    m10, m21 = -l10, -l21
    m20 = l10 * l21 - l20
    i22 = 1.0 / d2
    i21 = m21 * i22
    i20 = m20 * i22
    i11 = 1.0 / d1 + m21 * i21
    i10 = m10 / d1 + m21 * i20
    i00 = 1.0 / d0 + m10 * m10 / d1 + m20 * i20
    inverse = _symmetric(xp, i00, i10, i20, i11, i21, i22) / scale[..., None, None]
    return Inverted(xp.where(ok[..., None, None], inverse, 0.0), ok)


def cholesky3(matrix: Float[Array, "*batch 3 3"]) -> Factored:
    """Factor a symmetric positive definite matrix into L L^T."""
    xp = namespace(matrix)
    factors = _factor(matrix)
    l10, l20, l21 = factors.lower
    r0, r1, r2 = (xp.sqrt(pivot * factors.scale) for pivot in factors.pivots)
    zero = xp.zeros_like(r0)
    rows = [
        xp.stack([r0, zero, zero], axis=-1),
        xp.stack([l10 * r0, r1, zero], axis=-1),
        xp.stack([l20 * r0, l21 * r1, r2], axis=-1),
    ]
    return Factored(xp.where(factors.ok[..., None, None], xp.stack(rows, axis=-2), 0.0), factors.ok)


def _factor(matrix: Array) -> _Factors:
    """Factor without pivoting, which is stable where A is positive definite and finite where it isn't."""
    xp = namespace(matrix)
    trace = matrix[..., 0, 0] + matrix[..., 1, 1] + matrix[..., 2, 2]
    positive = trace > 0.0
    scale = xp.where(positive, trace, 1.0)
    a00, a10, a11 = matrix[..., 0, 0] / scale, matrix[..., 1, 0] / scale, matrix[..., 1, 1] / scale
    a20, a21, a22 = (matrix[..., 2, column] / scale for column in range(3))
    least = resolution(matrix)
    d0, ok = _pivot(xp, a00, positive, least)
    l10, l20 = a10 / d0, a20 / d0
    d1, ok = _pivot(xp, a11 - l10 * a10, ok, least)
    below = a21 - l20 * a10
    l21 = below / d1
    d2, ok = _pivot(xp, a22 - l20 * a20 - l21 * below, ok, least)
    # A pivot alone can be rounding, amplified where the weak axis lies close to a coordinate plane;
    # the trace of the inverse bounds the smallest eigenvalue whichever way the weak axis points.
    m20 = l10 * l21 - l20
    inverse_trace = 1.0 / d0 + (1.0 + l10 * l10) / d1 + (1.0 + l21 * l21 + m20 * m20) / d2
    ok = ok & (inverse_trace * least < 1.0)
    return _Factors(scale, (d0, d1, d2), (l10, l20, l21), ok)


def _pivot(xp: Array, value: Array, ok: Array, least: float) -> tuple[Array, Array]:
    """Put 1 where elimination can't go on, so that no division and no gradient is ever infinite."""
    ok = ok & (value > least)
    return xp.where(ok, value, 1.0), ok


def _substitute(factors: _Factors, right: Array) -> Array:
    xp = namespace(right)
    scale, (d0, d1, d2), (l10, l20, l21), _ = factors
    y0 = right[..., 0]
    y1 = right[..., 1] - l10 * y0
    y2 = right[..., 2] - l20 * y0 - l21 * y1
    x2 = y2 / d2
    x1 = y1 / d1 - l21 * x2
    x0 = y0 / d0 - l10 * x1 - l20 * x2
    return xp.stack([x0, x1, x2], axis=-1) / scale[..., None]


def _symmetric(xp: Array, a00: Array, a10: Array, a20: Array, a11: Array, a21: Array, a22: Array) -> Array:
    rows = [xp.stack(row, axis=-1) for row in ([a00, a10, a20], [a10, a11, a21], [a20, a21, a22])]
    return xp.stack(rows, axis=-2)
