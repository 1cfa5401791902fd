"""What the views say about joints, in the form that robust triangulation works on.

Here joints come before views, and points are columns with an axis of hypotheses:
`rows (2 *batch joint view 3)` times `points (*batch joint 3 subset)`. An exported graph pays for every
operation, not for the size of its arrays: hence few operations on arrays that broadcast as they are.
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
    """(2 *batch joint view 3)"""
    target: Array
    """(2 *batch joint view 1)"""
    along: Array
    """(*batch 1 view 3)"""
    along_target: Array
    """(*batch 1 view 1)"""
    seen: Array
    """(*batch joint view 1) 1 where a view detected the joint where its lens can image one, else 0."""
    centres: Array
    """(*batch 1 view 3) of the cameras."""
    near: Array
    """(*batch view view) whether two views are at one place."""
    later: Array
    """(*batch 1 view view) 1 where the first of two near views is listed after the second."""
    origin: Array
    """(*batch 1 3) the moved origin in the world."""
    pose: Array
    """(*batch view 3 4) camera_from_world for the moved origin."""


class Residuals(NamedTuple):
    """Residuals of points in every view."""

    pixels: Array
    """(2 *batch joint view subset)"""
    depth: Array
    """(*batch joint view subset), 1 where the point is not in front."""
    error2: Array
    """(*batch joint view subset) squared; very large where the point is not in front."""


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
    return _facing(sight, rows)


def see_straight(
    offsets: Float[Array, "*#batch view joint 2"],
    confidence: Float[Array, "*#batch view joint"],
    detected: Bool[Array, "*#batch view joint"],
    *,
    focal: Float[Array, "*#batch view 2"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
    settings: RobustSettings,
) -> Sight:
    """Do what `see` does for lenses without distortion; `offsets` are pixels from the optical axis."""
    xp = namespace(offsets, confidence, focal, camera_from_world)
    seen = _countable(offsets, confidence, detected, focal=focal)
    offsets = xp.where(seen[..., None], offsets, 0.0)
    sight = _stand(camera_from_world, seen, settings)
    across = sight.pose[..., None, :2, :] * focal[..., None, :, None]
    return _facing(sight, across - offsets[..., None] * sight.pose[..., None, 2:, :])


def look(sight: Sight, points: Array, *, settings: RobustSettings) -> Residuals:
    """Return the residuals of points (*batch joint 3 subset)."""
    xp = namespace(points)
    depth = sight.along @ points - sight.along_target
    in_front = depth > settings.min_depth_m
    depth = xp.where(in_front, depth, 1.0)
    pixels = (sight.rows @ points - sight.target) / depth
    return Residuals(pixels, depth, xp.where(in_front, xp.sum(pixels * pixels, axis=0), _FAR))


def distinct(views: Float[Array, "*batch joint view subset"], sight: Sight) -> Array:
    """Count the views that are 1, those at one place once: (*batch joint 1 subset)."""
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
    centres = xp.squeeze(middle - behind, axis=-2)[..., None, :, :]
    near, later = _places(centres, settings)
    nothing = xp.zeros_like(translation)
    return Sight(
        rows=nothing,
        target=nothing,
        along=rotation[..., 2, :][..., None, :, :],
        along_target=-shifted[..., 2, :][..., None, :, :],
        seen=xp.astype(xp.matrix_transpose(seen)[..., None], rotation.dtype),
        centres=centres,
        near=near,
        later=later,
        origin=-middle[..., 0, :, :],
        pose=xp.concat([rotation, shifted], axis=-1),
    )


def _facing(sight: Sight, rows: Array) -> Sight:
    """Fill in what is seen: rows (*batch view joint 2 4)."""
    xp = namespace(rows)
    axes = list(range(rows.ndim - 4))
    view = len(axes)
    rows = xp.permute_dims(rows, (view + 2, *axes, view + 1, view, view + 3))
    return sight._replace(rows=rows[..., :3], target=-rows[..., 3:])


def _upright(stretch: Array) -> Array:
    xx, xy, yy = stretch[..., 0, 0], stretch[..., 0, 1], stretch[..., 1, 1]
    return (xx * yy - xy * xy > LEAST_STRETCH) & (xx + yy > 0.0)


def _places(centres: Array, settings: RobustSettings) -> tuple[Array, Array]:
    xp = namespace(centres)
    offset = xp.permute_dims(centres, _swapped(centres.ndim)) - centres
    near = xp.sum(offset * offset, axis=-1) <= settings.min_separation_m**2
    order = xp.arange(centres.shape[-2], device=device(centres))
    later = near & (order[:, None] > order)
    return near, xp.astype(later, centres.dtype)[..., None, :, :]


def _swapped(rank: int) -> tuple[int, ...]:
    """Return the axes with the two before the last exchanged."""
    return (*range(rank - 3), rank - 2, rank - 3, rank - 1)
