"""What pinholes contribute to a robust triangulation, as few matrices."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from jaxtyping import Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.geometry.robust_settings import RobustSettings

_FIRST, _SECOND = (1, 1, 1, 2, 2, 3, 1, 2, 3), (1, 2, 3, 2, 3, 3, 0, 0, 0)
"""The components that the nine entries xx xy xz yy yz zz x1 y1 z1 of normal equations multiply."""
_POWERS = (
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, -1.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
)
"""What multiplies 1, u, v, u², v² in (U - u W)(U - u W) + (V - v W)(V - v W), out of the nine products
UU UV UW VU VV VW WU WV WW of a camera's three rows."""


class Cameras(NamedTuple):
    """Pinholes about the middle of their places, which keeps the digits of float32."""

    projection: Array
    """(*batch 3*view 4) to image points times depth: u of all views, v of all, depth of all."""
    rays: Array
    """(*batch 9 5*view) from powers of the image points to the normal equations of the rays through them."""
    slopes: Array
    """(*batch 9 9*view) the same for Gauss-Newton steps: powers, then residuals, then both multiplied."""
    centres: Array
    """(*batch 3 view 1)"""
    pairs: tuple[tuple[int, ...], tuple[int, ...]]
    """The views of each pair."""
    apart: Array
    """(*batch pair 1) 1 where the two are not at one place, else 0."""
    once: Array
    """(*batch view view) takes from each view those before it at the same place."""
    origin: Array
    """(*batch 3 1) the middle in the world."""
    start: Array
    """(4 1) the middle as a homogeneous point."""


def stand(
    camera_from_world: Float[Array, "*batch view 3 4"],
    focal: Float[Array, "*batch view 2"],
    settings: RobustSettings,
) -> Cameras:
    """Write cameras without distortion as matrices."""
    xp = namespace(camera_from_world)
    rotation, translation = camera_from_world[..., :3], camera_from_world[..., 3:]
    # What points from the camera to the world's origin: minus its place.
    behind = xp.sum(rotation * translation, axis=-2)
    middle = xp.mean(behind, axis=-2, keepdims=True)
    shifted = translation - xp.sum(rotation * middle[..., None, :], axis=-1, keepdims=True)
    scale = xp.concat([focal, xp.ones_like(focal[..., :1])], axis=-1)[..., None]
    matrices = xp.concat([shifted, rotation], axis=-1) * scale
    batch = tuple(range(matrices.ndim - 3))
    view, row, component = range(matrices.ndim - 3, matrices.ndim)
    by_row = xp.permute_dims(matrices, (*batch, row, view, component))
    by_component = xp.permute_dims(matrices, (*batch, component, row, view))
    rays = _rays(by_component)
    centres = xp.matrix_transpose(middle - behind)
    # One view alone is paired with itself, which is at its own place.
    pairs = tuple(combinations(range(centres.shape[-1]), 2)) or ((0, 0),)
    first, second = tuple(one for one, _ in pairs), tuple(other for _, other in pairs)
    apart, once = _places(centres, (first, second), settings)
    return Cameras(
        projection=xp.reshape(by_row, (*by_row.shape[:-3], -1, 4)),
        rays=rays,
        slopes=_slopes(by_component, rays),
        centres=centres[..., None],
        pairs=(first, second),
        apart=apart,
        once=once,
        origin=-xp.matrix_transpose(middle),
        start=constant([[1.0], [0.0], [0.0], [0.0]], rotation),
    )


def constant(rows: Sequence[Sequence[float]], like: Array) -> Array:
    """Return a matrix of the same kind, dtype and device."""
    return namespace(like).asarray([list(row) for row in rows], dtype=like.dtype, device=device(like))


def _rays(components: Array) -> Array:
    """Return the normal equations (*batch 9 5*view) from camera rows (*batch 4 3 view)."""
    xp = namespace(components)
    first, second = _take(components, _FIRST, axis=-3), _take(components, _SECOND, axis=-3)
    products = first[..., :, None, :] * second[..., None, :, :]
    products = xp.reshape(products, (*products.shape[:-3], 9, products.shape[-1]))
    powers = constant(_POWERS, components) @ products
    return xp.reshape(powers, (*powers.shape[:-2], -1))


def _slopes(components: Array, rays: Array) -> Array:
    """Return the same of Gauss-Newton steps: J^T J from powers of the image, J^T r from residuals r."""
    xp = namespace(components)
    # Of a residual in u the slope is (U - u W) / depth.
    pulls = _take(components, (0, 1, 2, 2), axis=-2) * constant([[1.0], [1.0], [-1.0], [-1.0]], components)
    pulls = xp.reshape(pulls, (*pulls.shape[:-2], -1))
    below = [[float(component > 0 and row == component + 5) for component in range(4)] for row in range(9)]
    above = constant([[float(row < 6)] for row in range(9)], components)
    return xp.concat([rays * above, constant(below, components) @ pulls], axis=-1)


def _places(
    centres: Array, pairs: tuple[tuple[int, ...], tuple[int, ...]], settings: RobustSettings
) -> tuple[Array, Array]:
    """Compare the places (*batch 3 view)."""
    xp = namespace(centres)
    offset = centres[..., :, None] - centres[..., None, :]
    near = xp.sum(offset * offset, axis=-3) <= settings.min_separation_m**2
    near = xp.astype(near, centres.dtype)
    views = range(centres.shape[-1])
    later = constant([[float(other < view) for other in views] for view in views], centres)
    same = constant([[float(other == view) for other in views] for view in views], centres)
    flat = xp.reshape(near, (*near.shape[:-2], -1))
    places = tuple(one * len(views) + other for one, other in zip(*pairs, strict=True))
    apart = 1.0 - _take(flat, places, axis=-1)[..., None]
    return apart, same - near * later


def _take(values: Array, places: tuple[int, ...], *, axis: int) -> Array:
    xp = namespace(values)
    return xp.take(values, xp.asarray(list(places), device=device(values)), axis=axis)
