"""Many symmetric 3x3 systems at once, for engines: rows are picked, subtracted and summed by products."""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.geometry.robust_straight_cameras import constant
from mvmono3d.geometry.solve import SINGULAR

_LEAST_TRACE = 1e-30
_DIAGONAL = (0, 3, 5)
_MINORS = ((3, 2, 1, 0, 1, 0, 4, 1, 3, 2, 0, 1), (5, 4, 4, 5, 2, 3, 4, 5, 2, 2, 4, 1))
"""Where the factors of the minors 00 01 02 11 12 22 stand: six products, six to subtract."""
_ADJUGATE = (0, 1, 2, 0, 1, 2, 1, 3, 4, 2, 4, 5)
"""The minors whose products with the rows below are the determinant and the three unknowns."""
_RIGHT = (0, 1, 2, 6, 7, 8, 6, 7, 8, 6, 7, 8)
_WHOLE = (0, 1, 2, 1, 3, 4, 2, 4, 5)
"""The adjugate, row by row, among the minors."""


class Solved(NamedTuple):
    """The solutions of systems of normal equations; 0 where they don't fix a point."""

    step: Float[Array, "*batch component=4 joint"]
    """0, x, y, z: to be taken from a homogeneous point."""
    ok: Bool[Array, "*batch one=1 joint"]
    inverse: Float[Array, "*batch entry=9 joint"]
    """Row by row."""


def solve(systems: Float[Array, "*batch entry=9 joint"]) -> Solved:
    """Solve A x = b, entries xx xy xz yy yz zz of A, then b, by the adjugate: see `solve.solve_normal`."""
    xp = namespace(systems)
    trace = constant([[float(entry in _DIAGONAL) for entry in range(9)]], systems) @ systems
    trace = xp.clip(trace, min=_LEAST_TRACE)
    scaled = systems / trace
    products = _take(scaled, _MINORS[0]) * _take(scaled, _MINORS[1])
    terms = (constant(_differences(_ADJUGATE), systems) @ products) * _take(scaled, _RIGHT)
    determinant = constant(_sums(1, first=0), systems) @ terms
    ok = determinant > max(SINGULAR, 2.0 * float(xp.finfo(systems.dtype).eps))
    divisor = xp.where(ok, determinant, math.inf)
    step = (constant([[0.0] * 12, *_sums(3, first=3)], systems) @ terms) / divisor
    inverse = (constant(_differences(_WHOLE), systems) @ products) / (divisor * trace)
    return Solved(step, ok, inverse)


def _differences(minors: tuple[int, ...]) -> list[list[float]]:
    """Return the rows that pick minors out of the products: one less the other."""
    return [
        [1.0 if place == minor else -1.0 if place == minor + 6 else 0.0 for place in range(12)]
        for minor in minors
    ]


def _sums(rows: int, *, first: int) -> list[list[float]]:
    """Return rows that each sum the next three terms."""
    starts = [first + 3 * row for row in range(rows)]
    return [[float(start <= place < start + 3) for place in range(12)] for start in starts]


def _take(rows: Array, places: tuple[int, ...]) -> Array:
    xp = namespace(rows)
    return xp.take(rows, xp.asarray(list(places), device=device(rows)), axis=-2)
