"""Rotations and rigid transforms. `a_from_b` is [R | t] of shape (3, 4): x_a = R x_b + t."""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.geometry.solve import identity3

_SMALL = 1e-6
"""Squared angle below which a series is exact to rounding and 0/0 would be near."""

_PARALLEL = 1e-8
"""Squared sine below which two axes are one."""


class Orthonormal(NamedTuple):
    """A rotation whose columns are the new axes; the identity where they aren't defined."""

    rotation: Float[Array, "*batch 3 3"]
    ok: Bool[Array, "*batch"]


def rotation_from_vector(vector: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3 3"]:
    """Return the rotation by |vector| radians about the vector (Rodrigues; as `cv2.Rodrigues`)."""
    xp = namespace(vector)
    squared = xp.sum(vector * vector, axis=-1)
    small = squared < _SMALL
    angle = xp.sqrt(xp.where(small, 1.0, squared))
    half = xp.sin(angle / 2.0) / angle
    first = xp.where(small, 1.0 - squared / 6.0, xp.sin(angle) / angle)[..., None, None]
    second = xp.where(small, 0.5 - squared / 24.0, 2.0 * half * half)[..., None, None]
    skew = cross_matrix(vector)
    return identity3(skew) + first * skew + second * multiply(skew, skew)


def vector_from_rotation(rotation: Float[Array, "*batch 3 3"]) -> Float[Array, "*batch 3"]:
    """Return the rotation vector, of length at most π: the inverse of `rotation_from_vector`.

    Goes through the quaternion row of largest norm (Shepperd 1978), exact also near 0 and π.
    """
    xp = namespace(rotation)
    rows = _quaternion_rows(rotation)
    best = rows[..., 0, :]
    for row in range(1, 4):
        larger = xp.sum(rows[..., row, :] ** 2, axis=-1) > xp.sum(best**2, axis=-1)
        best = xp.where(larger[..., None], rows[..., row, :], best)
    squared = xp.sum(best * best, axis=-1, keepdims=True)
    unit = best / xp.sqrt(xp.where(squared > 0.0, squared, 1.0))
    unit = xp.where(unit[..., :1] < 0.0, -unit, unit)
    cosine, axis = unit[..., 0], unit[..., 1:]
    squared = xp.sum(axis * axis, axis=-1)
    small = squared < _SMALL
    sine = xp.sqrt(xp.where(small, 1.0, squared))
    ratio = xp.where(small, 2.0 + squared / 3.0, 2.0 * xp.atan2(sine, cosine) / sine)
    return axis * ratio[..., None]


def rotation_from_6d(six: Float[Array, "*batch 6"]) -> Float[Array, "*batch 3 3"]:
    """Return the rotation whose first two columns are nearest to the six numbers.

    Source: Zhou et al., On the Continuity of Rotation Representations (2019), eq. 15. Parallel or zero
    columns give the identity.
    """
    xp = namespace(six)
    return _gram_schmidt(xp.reshape(six, (*six.shape[:-1], 2, 3))).rotation


def orthonormal(first: Float[Array, "*#batch 3"], second: Float[Array, "*#batch 3"]) -> Orthonormal:
    """Return the right-handed axes with X along `first` and Y towards `second` (Gram-Schmidt)."""
    xp = namespace(first, second)
    return _gram_schmidt(xp.stack(xp.broadcast_arrays(first, second), axis=-2))


def unit_vectors(
    vectors: Float[Array, "*batch 3"],
) -> tuple[Float[Array, "*batch 3"], Bool[Array, "*batch"]]:
    """Return the vectors at length 1, and where that is possible; a zero vector stays 0."""
    xp = namespace(vectors)
    squared = xp.sum(vectors * vectors, axis=-1, keepdims=True)
    ok = squared > float(xp.finfo(vectors.dtype).tiny)
    return vectors / xp.sqrt(xp.where(ok, squared, math.inf)), ok[..., 0]


def lengths(vectors: Float[Array, "*batch 3"]) -> Float[Array, "*batch"]:
    """Return Euclidean lengths, with gradient 0 at length 0."""
    xp = namespace(vectors)
    squared = xp.sum(vectors * vectors, axis=-1)
    positive = squared > 0.0
    return xp.where(positive, xp.sqrt(xp.where(positive, squared, 1.0)), 0.0)


def cross(first: Float[Array, "*#batch 3"], second: Float[Array, "*#batch 3"]) -> Float[Array, "*#batch 3"]:
    """Return the cross product, over any broadcasting batch shapes."""
    xp = namespace(first, second)
    one, two = (xp.asarray(order, device=device(first)) for order in ([1, 2, 0], [2, 0, 1]))
    left = xp.take(first, one, axis=-1) * xp.take(second, two, axis=-1)
    return left - xp.take(first, two, axis=-1) * xp.take(second, one, axis=-1)


def cross_matrix(vector: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3 3"]:
    """Return the matrix [v]x with [v]x w = v x w."""
    xp = namespace(vector)
    x, y, z = (vector[..., component] for component in range(3))
    zero = xp.zeros_like(x)
    rows = [xp.stack(row, axis=-1) for row in ([zero, -z, y], [z, zero, -x], [-y, x, zero])]
    return xp.stack(rows, axis=-2)


def multiply(
    first: Float[Array, "*#batch row inner"], second: Float[Array, "*#batch inner column"]
) -> Float[Array, "*#batch row column"]:
    """Multiply small matrices by elementwise products, which mixed precision leaves at full precision."""
    xp = namespace(first, second)
    return xp.sum(first[..., :, :, None] * second[..., None, :, :], axis=-2)


def rotate(
    rotation: Float[Array, "*#batch 3 3"], vectors: Float[Array, "*#batch point 3"]
) -> Float[Array, "*#batch point 3"]:
    """Turn vectors: R v for every point."""
    xp = namespace(rotation, vectors)
    return xp.sum(rotation[..., None, :, :] * vectors[..., None, :], axis=-1)


def transpose(matrix: Float[Array, "*batch row column"]) -> Float[Array, "*batch column row"]:
    """Swap the last two axes: the inverse of a rotation."""
    return namespace(matrix).matrix_transpose(matrix)


def transform_from(
    rotation: Float[Array, "*#batch 3 3"], translation: Float[Array, "*#batch 3"]
) -> Float[Array, "*#batch 3 4"]:
    """Join a rotation and a translation to [R | t]."""
    xp = namespace(rotation, translation)
    column = translation[..., None]
    shape = (*xp.broadcast_arrays(rotation[..., :1], column)[0].shape[:-2], 3)
    rotation = xp.broadcast_to(rotation, (*shape, 3))
    return xp.concat([rotation, xp.broadcast_to(column, (*shape, 1))], axis=-1)


def compose(
    a_from_b: Float[Array, "*#batch 3 4"], b_from_c: Float[Array, "*#batch 3 4"]
) -> Float[Array, "*#batch 3 4"]:
    """Return a_from_c."""
    rotation = multiply(a_from_b[..., :3], b_from_c[..., :3])
    translation = multiply(a_from_b[..., :3], b_from_c[..., 3:])[..., 0] + a_from_b[..., 3]
    return transform_from(rotation, translation)


def invert(a_from_b: Float[Array, "*batch 3 4"]) -> Float[Array, "*batch 3 4"]:
    """Return b_from_a; the rotation must be orthonormal."""
    rotation = transpose(a_from_b[..., :3])
    return transform_from(rotation, -multiply(rotation, a_from_b[..., 3:])[..., 0])


def transform_points(
    a_from_b: Float[Array, "*#batch 3 4"], points_b: Float[Array, "*#batch point 3"]
) -> Float[Array, "*#batch point 3"]:
    """Return the points in frame a."""
    return rotate(a_from_b[..., :3], points_b) + a_from_b[..., None, :, 3]


def camera_centres(camera_from_world: Float[Array, "*batch view 3 4"]) -> Float[Array, "*batch view 3"]:
    """Return where the cameras stand in the world, metres."""
    xp = namespace(camera_from_world)
    return -xp.sum(camera_from_world[..., :3] * camera_from_world[..., 3:], axis=-2)


def _gram_schmidt(pair: Float[Array, "*batch 2 3"]) -> Orthonormal:
    """Do what `orthonormal` does with the two vectors as rows, which are never taken out of their axis."""
    xp = namespace(pair)
    units, ok = unit_vectors(pair)
    x_axis, leaning = units[..., :1, :], units[..., 1:, :]
    across = leaning - xp.sum(x_axis * leaning, axis=-1, keepdims=True) * x_axis
    squared = xp.sum(across * across, axis=-1, keepdims=True)
    # Nothing is across a second vector without a direction.
    ok = ok[..., :1, None] & (squared > _PARALLEL)
    y_axis = across / xp.sqrt(xp.where(ok, squared, 1.0))
    axes = xp.matrix_transpose(xp.concat([x_axis, y_axis, cross(x_axis, y_axis)], axis=-2))
    return Orthonormal(xp.where(ok, axes, identity3(axes)), ok[..., 0, 0])


def _quaternion_rows(rotation: Array) -> Array:
    """Return 4 q q^T with q = (w, x, y, z): every row is the quaternion times a number."""
    xp = namespace(rotation)
    r00, r01, r02 = (rotation[..., 0, column] for column in range(3))
    r10, r11, r12 = (rotation[..., 1, column] for column in range(3))
    r20, r21, r22 = (rotation[..., 2, column] for column in range(3))
    wx, wy, wz = r21 - r12, r02 - r20, r10 - r01
    xy, xz, yz = r01 + r10, r02 + r20, r12 + r21
    rows = [
        [1.0 + r00 + r11 + r22, wx, wy, wz],
        [wx, 1.0 + r00 - r11 - r22, xy, xz],
        [wy, xy, 1.0 - r00 + r11 - r22, yz],
        [wz, xz, yz, 1.0 - r00 - r11 + r22],
    ]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)
