"""How pixels change with the numbers of a lens."""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array

_CENTRE = 1e-12
"""Squared radius below which a lens is straight, as in `geometry.lens`."""


def by_lens(
    normalised: Float[Array, "seen 2"], lens: Float[Array, "seen 10"], pixels: Float[Array, "seen 2"]
) -> Float[Array, "seen 2 9"]:
    """Return d(pixels) / d(fx fy cx cy d0..d4) of `geometry.lens.distort`, which is linear in d0..d4.

    Args:
        normalised: Points before the camera, one per row.
        lens: That each point is seen through.
        pixels: Where `distort` puts them.
    """
    found = np.zeros((len(lens), 2, 9))
    bent = (pixels - lens[:, 2:4]) / lens[:, :2]
    for axis in range(2):
        found[:, axis, axis] = bent[:, axis]
        found[:, axis, 2 + axis] = 1.0
    fisheye = lens[:, 9] > 0.5
    radius2 = np.maximum(np.sum(normalised * normalised, axis=-1), _CENTRE)
    for kind, by_coefficients in ((fisheye, _fisheye), (~fisheye, _pinhole)):
        if kind.all():
            found[..., 4:] = by_coefficients(normalised, radius2) * lens[:, :2, None]
        elif kind.any():
            found[kind, :, 4:] = by_coefficients(normalised[kind], radius2[kind]) * lens[kind, :2, None]
    return found


def _pinhole(normalised: Array, radius2: Array) -> Array:
    """Return the derivative by k1 k2 p1 p2 k3."""
    x, y = normalised[:, 0], normalised[:, 1]
    found = np.empty((len(normalised), 2, 5))
    first = normalised * radius2[:, None]
    found[..., 0] = first
    found[..., 1] = first * radius2[:, None]
    found[..., 4] = found[..., 1] * radius2[:, None]
    found[:, 0, 2] = found[:, 1, 3] = 2.0 * x * y
    found[:, 1, 2] = radius2 + 2.0 * y * y
    found[:, 0, 3] = radius2 + 2.0 * x * x
    return found


def _fisheye(normalised: Array, radius2: Array) -> Array:
    """Return the derivative by k1 k2 k3 k4, and 0 for the fifth, which such a lens doesn't have."""
    radius = np.sqrt(radius2)
    angle = np.arctan(radius)
    powers = (angle / radius)[:, None] * (angle * angle)[:, None] ** np.arange(1, 5)
    found = np.zeros((len(normalised), 2, 5))
    found[..., :4] = normalised[..., None] * powers[:, None]
    return found
