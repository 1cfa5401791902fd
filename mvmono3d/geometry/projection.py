"""From the world to pixels and back along rays."""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array, namespace
from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.rigid import camera_centres, lengths, rotate, transpose

NEAR_M = 1e-3
"""Nothing nearer to a camera's plane than this is imaged; depth is clamped here before any division."""


class Projection(NamedTuple):
    """Where points appear; where `in_front` is false the pixels are finite but mean nothing."""

    pixels: Float[Array, "*batch view joint 2"]
    depth: Float[Array, "*batch view joint"]
    """Along the optical axis, metres; negative behind the camera."""
    in_front: Bool[Array, "*batch view joint"]


class Rays(NamedTuple):
    """Lines of sight in the world."""

    origin_world: Float[Array, "*batch view joint 3"]
    direction_world: Float[Array, "*batch view joint 3"]
    """Of length 1, pointing away from the camera."""


def project(
    points_world: Float[Array, "*#batch joint 3"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
) -> Projection:
    """Project world points (metres) into every view, to distorted pixels."""
    normalised, depth = to_normalised(points_world, camera_from_world=camera_from_world)
    return Projection(distort(normalised, lens), depth, depth > NEAR_M)


def to_normalised(
    points_world: Float[Array, "*#batch joint 3"], *, camera_from_world: Float[Array, "*#batch view 3 4"]
) -> tuple[Float[Array, "*#batch view joint 2"], Float[Array, "*#batch view joint"]]:
    """Return (x / z, y / z) in each camera and the depth z; the divisor is at least `NEAR_M`."""
    xp = namespace(points_world, camera_from_world)
    # One product of matrices: exported, this is a few operations, and engines pay for each.
    turn, shift = xp.matrix_transpose(camera_from_world[..., :3]), camera_from_world[..., None, :, 3]
    points_camera = points_world[..., None, :, :] @ turn + shift
    depth = points_camera[..., 2:]
    return points_camera[..., :2] / xp.clip(depth, min=NEAR_M), depth[..., 0]


def rays(
    pixels: Float[Array, "*#batch view joint 2"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
) -> Rays:
    """Return the line of sight through every pixel."""
    xp = namespace(pixels, lens, camera_from_world)
    directions = _through(pixels, lens, camera_from_world)
    origin = camera_centres(camera_from_world)[..., :, None, :]
    direction = directions / lengths(directions)[..., None]
    return Rays(xp.broadcast_to(origin, direction.shape), direction)


def unproject(
    pixels: Float[Array, "*#batch view joint 2"],
    depth: Float[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
) -> Float[Array, "*#batch view joint 3"]:
    """Return the world points that appear at the pixels at those depths: the inverse of `project`."""
    origin = camera_centres(camera_from_world)[..., :, None, :]
    return origin + _through(pixels, lens, camera_from_world) * depth[..., None]


def projection_jacobian(
    points_world: Float[Array, "*#batch joint 3"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
) -> Float[Array, "*#batch view joint 2 3"]:
    """Return d(undistorted pixel) / d(world point), px/m; 0 for points not in front of the camera.

    Undistorted pixels are focal length times the normalised point: the lens's local stretch, some
    per cent near the edge of an image, is left out. Hartley & Zisserman (2004), eq. 6.2.
    """
    normalised, depth = to_normalised(points_world, camera_from_world=camera_from_world)
    return jacobian_at(normalised, depth, lens=lens, camera_from_world=camera_from_world)


def jacobian_at(
    normalised: Float[Array, "*#batch view joint 2"],
    depth: Float[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
) -> Float[Array, "*#batch view joint 2 3"]:
    """Return `projection_jacobian` for points already transformed by `to_normalised`."""
    xp = namespace(normalised, depth, lens, camera_from_world)
    # Divided by infinity, what is not in front becomes 0, and so does its gradient.
    scale = lens[..., None, :2] / xp.where(depth > NEAR_M, depth, math.inf)[..., None]
    rotation = camera_from_world[..., None, :, :3]
    return scale[..., None] * (rotation[..., :2, :] - normalised[..., None] * rotation[..., 2:, :])


def inside_image(
    pixels: Float[Array, "*#batch view joint 2"], size_px: Int[Array, "*#batch view 2"]
) -> Bool[Array, "*#batch view joint"]:
    """Say which pixels lie on the image, whose outermost pixel centres are 0 and size - 1."""
    xp = namespace(pixels, size_px)
    size = xp.astype(size_px, pixels.dtype)[..., :, None, :]
    return xp.all((pixels >= -0.5) & (pixels < size - 0.5), axis=-1)


def _through(pixels: Array, lens: Array, camera_from_world: Array) -> Array:
    """Return the world directions through the pixels, of depth 1 in the camera."""
    xp = namespace(pixels)
    normalised = undistort(pixels, lens)
    homogeneous = xp.concat([normalised, xp.ones_like(normalised[..., :1])], axis=-1)
    return rotate(transpose(camera_from_world[..., :3]), homogeneous)
