"""A closed triangle mesh of where a field on a grid is zero: surface nets (Gibson 1998)."""

from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array

_CORNERS = np.array(list(product((0, 1), repeat=3)))
_EDGES = tuple(
    (one, other)
    for one in range(8)
    for other in range(one + 1, 8)
    if int(np.abs(_CORNERS[one] - _CORNERS[other]).sum()) == 1
)


class Mesh(NamedTuple):
    """Triangles whose front, counter-clockwise, is where the field is positive."""

    vertices: Float[Array, "vertex 3"]
    triangles: Int[Array, "triangle 3"]


def isosurface(field: Float[Array, "x y z"], *, origin: Float[Array, "3"], step: float) -> Mesh:
    """Return the surface round everything negative; the field must be positive on the grid's border.

    Each cell that the surface crosses has one vertex, the middle of its crossings, so that triangles
    are of about equal size: for ray casting better than the slivers of marching cubes.
    """
    inside = field < 0.0
    cells = np.array(field.shape) - 1
    count = sum(inside[_slices(corner, cells)].astype(np.int8) for corner in _CORNERS)
    active = np.argwhere((count > 0) & (count < 8))
    number = np.full(cells, -1)
    number[tuple(active.T)] = np.arange(len(active))
    middle = _middle_of_crossings(field, active)
    faces = [_faces(inside, number, axis) for axis in range(3)]
    return Mesh(origin + step * (active + middle), np.concatenate(faces))


def _slices(corner: np.ndarray, cells: np.ndarray) -> tuple[slice, ...]:
    return tuple(
        slice(start, start + size) for start, size in zip(corner.tolist(), cells.tolist(), strict=True)
    )


def _middle_of_crossings(field: np.ndarray, active: np.ndarray) -> np.ndarray:
    at_corner = np.stack([field[tuple((active + corner).T)] for corner in _CORNERS], axis=1)
    total, crossings = np.zeros((len(active), 3)), np.zeros(len(active))
    for one, other in _EDGES:
        first, second = at_corner[:, one], at_corner[:, other]
        crosses = (first < 0.0) != (second < 0.0)
        share = np.where(crosses, first / np.where(crosses, first - second, 1.0), 0.0)
        place = _CORNERS[one] + share[:, None] * (_CORNERS[other] - _CORNERS[one])
        total += np.where(crosses[:, None], place, 0.0)
        crossings += crosses
    return total / crossings[:, None]


def _faces(inside: np.ndarray, number: np.ndarray, axis: int) -> np.ndarray:
    """Two triangles across each grid edge along `axis` that the surface crosses."""
    ahead = np.moveaxis(inside, axis, 0)
    cells = np.moveaxis(number, axis, 0)
    leaves = ahead[:-1, 1:-1, 1:-1] & ~ahead[1:, 1:-1, 1:-1]
    enters = ~ahead[:-1, 1:-1, 1:-1] & ahead[1:, 1:-1, 1:-1]
    # The four cells round an edge, counter-clockwise seen from the edge's far end.
    around = (cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, 1:, 1:], cells[:, :-1, 1:])
    # Moving axis 1 to the front swaps the handedness of the other two.
    outward, inward = (leaves, enters) if axis != 1 else (enters, leaves)
    quads = np.concatenate(
        [
            np.stack([corner[outward] for corner in around], axis=1),
            np.stack([corner[inward] for corner in around[::-1]], axis=1),
        ]
    )
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
