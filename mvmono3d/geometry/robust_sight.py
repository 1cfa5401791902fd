"""What the views say about joints, in the form that robust triangulation works on.

Everything has the axes `*batch subset axis view joint`, with components (of points, of rows) before them;
`subset` are hypotheses, `axis` the two of the image. An exported graph pays for every operation and for
every short run of memory: hence few operations, on arrays that broadcast as they are, joints last.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.lens_stretch import distortion_jacobian
from mvmono3d.geometry.rigid import multiply
from mvmono3d.geometry.robust_settings import (
    FARTHEST_PX,
    LEAST_STRETCH,
    UNDISTORT_ERROR2,
    RobustSettings,
)

_FAR = 1e30
"""Squared residual of a point behind a camera."""


class Sight(NamedTuple):
    """(rows . X - target) / (along . X - along_target) is a residual in pixels.

    The pixels are distorted ones, to first order about each detection. The world's origin is moved to
    the middle of the cameras, which keeps the digits of float32.
    """

    rows: Array
    """(3 *batch 1 2 view joint)"""
    target: Array
    """(*batch 1 2 view joint)"""
    along: Array
    """(3 *batch 1 1 view 1)"""
    along_target: Array
    """(*batch 1 1 view 1)"""
    seen: Array
    """(*batch 1 1 view joint) 1 where a view detected the joint where its lens can image one, else 0."""
    centres: Array
    """(3 *batch view 1) of the cameras."""
    near: Array
    """(*batch view view) whether two views are at one place."""
    later: Array
    """(*batch 1 1 view view) 1 where the first of two near views is listed after the second."""
    origin: Array
    """(3 *batch 1) the moved origin in the world."""
    pose: Array
    """(*batch view 3 4) camera_from_world for the moved origin."""


class Residuals(NamedTuple):
    """Residuals of points in every view."""

    pixels: Array
    """(*batch subset 2 view joint)"""
    depth: Array
    """(*batch subset 1 view joint), 1 where the point is not in front."""
    error2: Array
    """(*batch subset 1 view joint) squared; very large where the point is not in front."""


def see(
    pixels: Float[Array, "*#batch view joint 2"],
    confidence: Float[Array, "*#batch view joint"],
    detected: Bool[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
    settings: RobustSettings,
) -> Sight:
    """Linearise every detection about itself."""
    xp = namespace(pixels, confidence, lens, camera_from_world)
    own = (pixels, 3), (confidence, 2), (detected, 2), (lens, 2), (camera_from_world, 3)
    pixels, confidence, detected, lens, camera_from_world = _of_one_rank(*own)
    seen = _countable(pixels, confidence, detected, focal=lens[..., :2])
    pixels = xp.where(seen[..., None], pixels, lens[..., None, 2:4])
    straight = undistort(pixels, lens)
    stretch = distortion_jacobian(straight, lens)
    error = distort(straight, lens) - pixels
    seen = seen & (xp.sum(error * error, axis=-1) < UNDISTORT_ERROR2) & _upright(stretch)
    straight = xp.where(seen[..., None], straight, 0.0)
    stretch = xp.where(seen[..., None, None], stretch * lens[..., None, :2, None], 0.0)
    sight = _stand(camera_from_world, seen, settings)
    rows = multiply(
        stretch, sight.pose[..., None, :2, :] - straight[..., None] * sight.pose[..., None, 2:, :]
    )
    batch = list(range(rows.ndim - 4))
    view, joint, axis, component = range(rows.ndim - 4, rows.ndim)
    return _facing(sight, xp.permute_dims(rows, (component, *batch, axis, view, joint)))


def look(sight: Sight, points: Array, *, settings: RobustSettings) -> Residuals:
    """Return the residuals of points (3 *batch subset 1 1 joint)."""
    xp = namespace(points)
    depth = xp.sum(sight.along * points, axis=0) - sight.along_target
    in_front = depth > settings.min_depth_m
    depth = xp.where(in_front, depth, 1.0)
    pixels = (xp.sum(sight.rows * points, axis=0) - sight.target) / depth
    error2 = xp.sum(pixels * pixels, axis=-3, keepdims=True)
    return Residuals(pixels, depth, xp.where(in_front, error2, _FAR))


def distinct(views: Float[Array, "*batch view joint"], sight: Sight) -> Array:
    """Count the views that are 1, those at one place once: (*batch 1 joint)."""
    xp = namespace(views)
    return xp.sum(xp.clip(views - sight.later @ views, min=0.0), axis=-2, keepdims=True)


def _countable(pixels: Array, confidence: Array, detected: Array, *, focal: Array) -> Array:
    xp = namespace(pixels)
    there = xp.max(xp.abs(pixels), axis=-1) < FARTHEST_PX
    return detected & (confidence > 0.0) & there & (focal[..., :1] > 0.0)


def _stand(camera_from_world: Array, seen: Array, settings: RobustSettings) -> Sight:
    """Return where the cameras stand; what they see is not filled in."""
    xp = namespace(camera_from_world)
    rotation, translation = camera_from_world[..., :3], camera_from_world[..., 3:]
    # What points from the camera to the world's origin: minus its place.
    behind = xp.sum(rotation * translation, axis=-2, keepdims=True)
    middle = xp.mean(behind, axis=-3, keepdims=True)
    shifted = translation - xp.sum(rotation * middle, axis=-1, keepdims=True)
    centres = _first(xp.squeeze(middle - behind, axis=-2))[..., None]
    near, later = _places(centres, settings)
    ahead = _first(rotation[..., 2, :])
    return Sight(
        rows=behind,
        target=behind,
        along=ahead[..., None, None, :, None],
        along_target=-shifted[..., 2, :][..., None, None, :, :],
        seen=xp.astype(seen, rotation.dtype)[..., None, None, :, :],
        centres=centres,
        near=near,
        later=later,
        origin=-_first(middle[..., 0, 0, :])[..., None],
        pose=xp.concat([rotation, shifted], axis=-1),
    )


def _facing(sight: Sight, rows: Array) -> Sight:
    """Fill in what is seen: rows (4 *batch 2 view joint)."""
    rows = rows[..., None, :, :, :]
    return sight._replace(rows=rows[:3, ...], target=-rows[3, ...])


def _upright(stretch: Array) -> Array:
    xx, xy, yy = stretch[..., 0, 0], stretch[..., 0, 1], stretch[..., 1, 1]
    return (xx * yy - xy * xy > LEAST_STRETCH) & (xx + yy > 0.0)


def _places(centres: Array, settings: RobustSettings) -> tuple[Array, Array]:
    xp = namespace(centres)
    offset = xp.matrix_transpose(centres) - centres
    near = xp.sum(offset * offset, axis=0) <= settings.min_separation_m**2
    order = xp.arange(centres.shape[-2], device=device(centres))
    later = near & (order[:, None] > order)
    return near, xp.astype(later, centres.dtype)[..., None, None, :, :]


def _of_one_rank(*arrays: tuple[Array, int]) -> list[Array]:
    """Give arrays, each with the number of its own axes, equally many batch axes."""
    rank = max(array.ndim - own for array, own in arrays)
    return [array[(None,) * (rank + own - array.ndim)] for array, own in arrays]


def _first(vectors: Array) -> Array:
    """Put the last axis first."""
    last = vectors.ndim - 1
    return namespace(vectors).permute_dims(vectors, (last, *range(last)))
