"""What the views say about joints, in the form that robust triangulation works on.

Here joints come before views and points may have an axis of hypotheses:
`rows (*batch joint view 3)` against `points (*batch joint subset 3)`.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.lens_stretch import distortion_jacobian
from mvmono3d.geometry.rigid import camera_centres, multiply
from mvmono3d.geometry.robust_settings import (
    FARTHEST_PX,
    LEAST_STRETCH,
    SINGULAR,
    UNDISTORT_ERROR2,
    RobustSettings,
)
from mvmono3d.geometry.solve import determinant3, solve3


class Sight(NamedTuple):
    """Rows u, v and along: (u . X + u0, v . X + v0) / (along . X + along0) is a residual in pixels.

    The pixels are distorted ones, to first order about each detection. The world's origin is moved to
    the middle of the cameras, which keeps the digits of float32.
    """

    u: Array
    v: Array
    along: Array
    u0: Array
    v0: Array
    along0: Array
    seen: Array
    """(*batch joint view) whether a view detected the joint where its lens can image one."""
    centres: Array
    """(*batch view 3)"""
    near: Array
    """(*batch view view) whether two views are at one place."""
    earlier: Array
    """(*batch view view) whether the first of two near views is listed before the second."""
    origin: Array
    """(*batch 3) the moved origin in the world."""
    pose: Array
    """(*batch view 3 4) camera_from_world for the moved origin."""


class Residuals(NamedTuple):
    """Residuals of points in every view."""

    u: Array
    v: Array
    depth: Array
    in_front: Array


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
    there = xp.all(xp.abs(pixels) < FARTHEST_PX, axis=-1)
    seen = detected & (confidence > 0.0) & there & (lens[..., None, 0] > 0.0)
    centre = lens[..., None, 2:4]
    pixels = xp.where(seen[..., None], pixels, centre)
    straight = undistort(pixels, lens)
    stretch = distortion_jacobian(straight, lens)
    error = distort(straight, lens) - pixels
    seen = seen & (xp.sum(error * error, axis=-1) < UNDISTORT_ERROR2) & _upright(stretch)
    straight = xp.where(seen[..., None], straight, 0.0)
    stretch = xp.where(seen[..., None, None], stretch * lens[..., None, :2, None], 0.0)
    centres = camera_centres(camera_from_world)
    origin = xp.mean(centres, axis=-2)
    rotation = camera_from_world[..., :3]
    shift = multiply(rotation, origin[..., None, :, None])[..., 0]
    pose = xp.concat([rotation, (camera_from_world[..., 3] + shift)[..., None]], axis=-1)
    across, ahead = pose[..., None, :2, :], pose[..., None, 2:, :]
    rows = multiply(stretch, across - straight[..., None] * ahead)
    near, earlier = _places(centres, settings)
    u, v, along = (_by_joint(row) for row in (rows[..., 0, :], rows[..., 1, :], ahead[..., 0, :]))
    return Sight(
        u=u[..., :3],
        v=v[..., :3],
        along=along[..., :3],
        u0=u[..., 3],
        v0=v[..., 3],
        along0=along[..., 3],
        seen=xp.matrix_transpose(seen),
        centres=centres - origin[..., None, :],
        near=near,
        earlier=earlier,
        origin=origin,
        pose=pose,
    )


def look(sight: Sight, points: Array, *, settings: RobustSettings) -> Residuals:
    """Return the residuals (*batch joint subset view) of points (*batch joint subset 3)."""
    xp = namespace(points)
    depth = _apply(sight.along, sight.along0, points)
    in_front = depth > settings.min_depth_m
    safe = xp.where(in_front, depth, 1.0)
    u = _apply(sight.u, sight.u0, points) / safe
    v = _apply(sight.v, sight.v0, points) / safe
    return Residuals(u, v, safe, in_front)


def distinct(views: Bool[Array, "*batch joint subset view"], sight: Sight) -> Array:
    """Count views, those at one place once."""
    xp = namespace(views)
    numbers = xp.astype(views, sight.u.dtype)
    earlier = xp.astype(sight.earlier, sight.u.dtype)[..., None, :, :]
    repeated = (numbers @ earlier) > 0.5
    return xp.sum(xp.astype(views & ~repeated, xp.int64), axis=-1)


def solve_regular(matrix: Array, right: Array) -> tuple[Array, Array]:
    """Solve 3x3 systems; the second answer says where rays are far enough from parallel."""
    trace = matrix[..., 0, 0] + matrix[..., 1, 1] + matrix[..., 2, 2]
    ok = determinant3(matrix) > SINGULAR * trace * trace * trace
    solution, positive = solve3(matrix, right)
    ok = ok & positive
    return namespace(matrix).where(ok[..., None], solution, 0.0), ok


def _apply(rows: Array, offset: Array, points: Array) -> Array:
    xp = namespace(rows)
    return points @ xp.matrix_transpose(rows) + offset[..., None, :]


def _by_joint(rows: Array) -> Array:
    """Turn (*batch view joint 4) into (*batch joint view 4)."""
    xp = namespace(rows)
    axes = list(range(rows.ndim))
    axes[-3], axes[-2] = axes[-2], axes[-3]
    return xp.permute_dims(rows, tuple(axes))


def _upright(stretch: Array) -> Array:
    xx, xy, yy = stretch[..., 0, 0], stretch[..., 0, 1], stretch[..., 1, 1]
    return (xx * yy - xy * xy > LEAST_STRETCH) & (xx + yy > 0.0)


def _places(centres: Array, settings: RobustSettings) -> tuple[Array, Array]:
    xp = namespace(centres)
    offset = centres[..., :, None, :] - centres[..., None, :, :]
    near = xp.sum(offset * offset, axis=-1) <= settings.min_separation_m**2
    order = xp.arange(centres.shape[-2], device=device(centres))
    return near, near & (order[:, None] < order)
