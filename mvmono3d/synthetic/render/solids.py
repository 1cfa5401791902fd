"""Props as closed meshes, fine enough that a lens hardly bends a triangle."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.synthetic.scene import PropShape

_AROUND = 32


class Solid(NamedTuple):
    """A mesh with a normal at each vertex, centred on its own origin."""

    vertices: Float[Array, "vertex 3"]
    normals: Float[Array, "vertex 3"]
    triangles: Int[Array, "triangle 3"]


def solid(shape: PropShape, size_m: Float[Array, "3"], *, pieces: int = 8) -> Solid:
    """Return a prop's mesh; `pieces` is how often each straight edge is divided."""
    if shape is PropShape.BOX:
        return _box(size_m, pieces)
    if shape is PropShape.CYLINDER:
        return _cylinder(float(size_m[0]), float(size_m[2]), pieces)
    return _sphere(float(size_m[0]))


def _grid(rows: int, columns: int) -> np.ndarray:
    """Triangles of a grid of vertices, counter-clockwise where columns run right and rows up."""
    first = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    lower = np.stack([first, first + 1, first + columns + 1], axis=-1)
    upper = np.stack([first, first + columns + 1, first + columns], axis=-1)
    return np.concatenate([lower.reshape(-1, 3), upper.reshape(-1, 3)])


def _join(parts: list[Solid]) -> Solid:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return Solid(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.triangles + start for part, start in zip(parts, starts, strict=True)]),
    )


def _box(half: np.ndarray, pieces: int) -> Solid:
    step = np.linspace(-1.0, 1.0, pieces + 1)
    up, right = np.meshgrid(step, step, indexing="ij")
    faces = []
    for axis in range(3):
        for side in (-1.0, 1.0):
            place = np.empty((*up.shape, 3))
            place[..., axis] = side
            # right x up points along +axis; on the other side they change roles.
            place[..., (axis + 1) % 3] = right if side > 0 else up
            place[..., (axis + 2) % 3] = up if side > 0 else right
            normal = np.zeros(3)
            normal[axis] = side
            flat = place.reshape(-1, 3) * half
            faces.append(Solid(flat, np.tile(normal, (len(flat), 1)), _grid(pieces + 1, pieces + 1)))
    return _join(faces)


def _cylinder(radius: float, half: float, pieces: int) -> Solid:
    angle = np.linspace(0.0, 2.0 * np.pi, _AROUND + 1)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
    up = np.array([0.0, 0.0, 1.0])
    height = np.linspace(-half, half, pieces + 1)
    side = radius * ring[None] + height[:, None, None] * up
    around = np.broadcast_to(ring, side.shape)
    parts = [Solid(side.reshape(-1, 3), around.reshape(-1, 3), _grid(pieces + 1, _AROUND + 1))]
    for sense in (1.0, -1.0):
        share = np.linspace(1.0, 0.0, max(pieces // 2, 1) + 1) if sense > 0 else np.linspace(0.0, 1.0, 5)
        disc = (radius * share[:, None, None] * ring + sense * half * up).reshape(-1, 3)
        parts.append(Solid(disc, np.tile(sense * up, (len(disc), 1)), _grid(len(share), _AROUND + 1)))
    return _join(parts)


def _sphere(radius: float) -> Solid:
    around = np.linspace(0.0, 2.0 * np.pi, _AROUND + 1)
    above = np.linspace(-0.5 * np.pi, 0.5 * np.pi, _AROUND // 2 + 1)[:, None]
    normal = np.stack(
        [np.cos(above) * np.cos(around), np.cos(above) * np.sin(around), np.sin(above) + 0.0 * around],
        axis=-1,
    ).reshape(-1, 3)
    return Solid(radius * normal, normal, _grid(_AROUND // 2 + 1, _AROUND + 1))
