"""What two views say about each other without a 3D point."""

from jaxtyping import Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.geometry.lens import undistort
from mvmono3d.geometry.rigid import compose, cross, cross_matrix, invert, lengths, multiply, transpose


def essential_matrices(
    camera_from_world: Float[Array, "*batch view 3 4"],
) -> Float[Array, "*batch view view 3 3"]:
    """Return E[i, j] with x_i^T E[i, j] x_j = 0 for the normalised points of one joint in views i and j.

    Scaled by the baseline in metres; 0 for i = j. Hartley & Zisserman (2004), eq. 9.12.
    """
    world_from_camera = invert(camera_from_world)
    first_from_second = compose(camera_from_world[..., :, None, :, :], world_from_camera[..., None, :, :, :])
    return essential_matrix(first_from_second)


def essential_matrix(first_from_second: Float[Array, "*batch 3 4"]) -> Float[Array, "*batch 3 3"]:
    """Return E with x_first^T E x_second = 0 for two cameras."""
    return multiply(cross_matrix(first_from_second[..., 3]), first_from_second[..., :3])


def fundamental_matrix(
    first_from_second: Float[Array, "*#batch 3 4"],
    *,
    lens_first: Float[Array, "*#batch 10"],
    lens_second: Float[Array, "*#batch 10"],
) -> Float[Array, "*#batch 3 3"]:
    """Return F with u_first^T F u_second = 0 for UNDISTORTED homogeneous pixels."""
    essential = essential_matrix(first_from_second)
    left = transpose(_inverse_intrinsics(lens_first))
    return multiply(multiply(left, essential), _inverse_intrinsics(lens_second))


def sampson_distance_px(
    pixels_first: Float[Array, "*#batch point 2"],
    pixels_second: Float[Array, "*#batch point 2"],
    *,
    lens_first: Float[Array, "*#batch 10"],
    lens_second: Float[Array, "*#batch 10"],
    first_from_second: Float[Array, "*#batch 3 4"],
) -> Float[Array, "*#batch point"]:
    """Return how far (px) two distorted pixels are from seeing one point, to first order.

    The root of the squared corrections of both pixels; 0 where both lie on the epipole or the cameras
    share a centre. Hartley & Zisserman (2004), eq. 11.9.
    """
    xp = namespace(pixels_first, pixels_second)
    first = _homogeneous(pixels_first, lens_first)
    second = _homogeneous(pixels_second, lens_second)
    essential = essential_matrix(first_from_second)[..., None, :, :]
    line_in_first = xp.sum(essential * second[..., None, :], axis=-1)
    line_in_second = xp.sum(essential * first[..., :, None], axis=-2)
    error = xp.sum(first * line_in_first, axis=-1)
    slope_first = line_in_first[..., :2] / lens_first[..., None, :2]
    slope_second = line_in_second[..., :2] / lens_second[..., None, :2]
    squared = xp.sum(slope_first * slope_first, axis=-1) + xp.sum(slope_second * slope_second, axis=-1)
    defined = squared > 0.0
    return xp.where(defined, xp.abs(error) / xp.sqrt(xp.where(defined, squared, 1.0)), 0.0)


def ray_distance(
    origin_world: Float[Array, "*#batch view joint 3"], direction_world: Float[Array, "*#batch view joint 3"]
) -> Float[Array, "*#batch view view joint"]:
    """Return the shortest distance (m) between the lines of every two views for each joint.

    Directions must have length 1. Parallel lines get the distance between them.
    """
    xp = namespace(origin_world, direction_world)
    first, second = direction_world[..., :, None, :, :], direction_world[..., None, :, :, :]
    between = origin_world[..., None, :, :, :] - origin_world[..., :, None, :, :]
    normal = cross(first, second)
    sine = lengths(normal)
    skew = sine > _parallel_below(sine)
    crossing = xp.abs(xp.sum(between * normal, axis=-1)) / xp.where(skew, sine, 1.0)
    return xp.where(skew, crossing, lengths(cross(between, first)))


def ray_angle(
    direction_world: Float[Array, "*#batch view joint 3"],
) -> Float[Array, "*#batch view view joint"]:
    """Return the angle (rad) between the lines of sight of every two views for each joint."""
    xp = namespace(direction_world)
    first, second = direction_world[..., :, None, :, :], direction_world[..., None, :, :, :]
    sine, cosine = lengths(cross(first, second)), xp.sum(first * second, axis=-1)
    # atan2 has no gradient at (0, 0), which unit directions never reach.
    return xp.atan2(sine, cosine)


def _parallel_below(sine: Array) -> float:
    return 1e3 * float(namespace(sine).finfo(sine.dtype).eps)


def _homogeneous(pixels: Array, lens: Array) -> Array:
    xp = namespace(pixels, lens)
    # The view axis has length 1 here: every batch entry has its own lens.
    normalised = undistort(pixels[..., None, :, :], lens[..., None, :])[..., 0, :, :]
    return xp.concat([normalised, xp.ones_like(normalised[..., :1])], axis=-1)


def _inverse_intrinsics(lens: Array) -> Array:
    xp = namespace(lens)
    fx, fy, cx, cy = (lens[..., column] for column in range(4))
    zero, one = xp.zeros_like(fx), xp.ones_like(fx)
    rows = [[1.0 / fx, zero, -cx / fx], [zero, 1.0 / fy, -cy / fy], [zero, zero, one]]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)
