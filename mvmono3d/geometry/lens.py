"""OpenCV's lenses in both directions: pinhole with k1 k2 p1 p2 k3, fisheye with k1 k2 k3 k4.

Both are one radial polynomial: s (1 + c1 s² + c2 s⁴ + c3 s⁶ + c4 s⁸) of s = tan(θ) for pinhole and of
s = θ for fisheye, where θ is the angle from the optical axis; pinhole adds decentring. So one formula
serves any mixture of lenses in a rig. "Normalised" is (x / z, y / z) in the camera's frame.

Source: https://docs.opencv.org/5.x/d9/d0c/group__calib3d.html and .../db/d58/group__calib3d__fisheye.html
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, is_torch_array, namespace

_CENTRE = 1e-12
"""Squared radius below which the lens is linear, so that no square root meets 0."""
_WIDEST_FISHEYE = 1.55
"""Largest angle from the axis (rad): beyond it x / z is no longer finite."""
_WIDEST_PINHOLE = 16.0
_LEAST_SLOPE = 0.05
"""Of the polynomial where it is inverted: pixels that no point reaches are answered near the fold."""
_STEPS = 6
_TRIED = np.sort([*1.02 ** np.arange(-150.0, 140.0), _WIDEST_FISHEYE - 1e-4])
"""Places along the polynomial, 0.05 to 16, at which its slope is tried for a fold."""


def _picks(radial: tuple[int, ...], decentring: tuple[int, ...]) -> list[list[float]]:
    """Return (10 10): from a packed lens to c1 c2 c3 c4, those times 3 5 7 9 (the slope's), then p2 p1."""
    picks = np.zeros((10, 10))
    for power, place in enumerate(radial):
        picks[place, power], picks[place, power + 4] = 1.0, 2.0 * power + 3.0
    for column, place in enumerate(decentring):
        picks[place, 8 + column] = 1.0
    return picks.tolist()


_OF_PINHOLE, _OF_FISHEYE = _picks((4, 5, 8), (7, 6)), _picks((4, 5, 6, 7), ())


class _Radial(NamedTuple):
    """The lens of every view. Image points stand beside it as (*batch view 2 joint)."""

    fisheye: Array
    """(*batch view 1 1)"""
    coefficients: Array
    """(*batch view 2 4): c1 c2 c3 c4 of the polynomial, then of its slope."""
    decentring: Array
    """(*batch view 2 1): p2, p1; 0 for fisheye."""


class _Reach(NamedTuple):
    """How far a lens images: up to where its polynomial folds."""

    along: Array
    """(*batch view 1 1)"""
    radius: Array
    """The largest radius in the image."""


def distort(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint 2"]:
    """Return the pixels at which normalised points appear (as `cv2.projectPoints`).

    A barrel lens folds far outside its image back into it: see `one_to_one`.
    """
    xp = namespace(normalised, lens)
    radial, places = _radial(lens), xp.matrix_transpose(normalised)
    squared = xp.sum(places * places, axis=-2, keepdims=True)
    radius = _root(squared)
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    reached, _ = _polynomial(radial, along)
    bent = places * (reached / radius) + _decentred(radial, places, squared)[0]
    return xp.matrix_transpose(bent) * lens[..., None, :2] + lens[..., None, 2:4]


def undistort(
    pixels: Float[Array, "*#batch view joint 2"],
    lens: Float[Array, "*#batch view 10"],
    *,
    steps: int = _STEPS,
) -> Float[Array, "*#batch view joint 2"]:
    """Return normalised points of distorted pixels (as `cv2.undistortPoints`, converged).

    Newton's method on the radius with decentring by fixed point: a fixed number of steps; six are exact
    to 5e-9 in the far corners of the strongest real lenses and to rounding elsewhere, four to 1e-5.
    Pixels beyond what the lens can image (a strong barrel lens with k1 alone) get about the direction of
    its widest ray, and a view whose focal length is 0 (padding) gets finite numbers.
    """
    xp = namespace(pixels, lens)
    radial, focal = _radial(lens), lens[..., None, :2]
    bent = xp.matrix_transpose((pixels - lens[..., None, 2:4]) / xp.where(focal > 0.0, focal, 1.0))
    reach = _reach(radial)
    decentred, growth = _decentred(radial, bent, xp.sum(bent * bent, axis=-2, keepdims=True))
    centred = bent - decentred
    distance = _radius(centred)
    along = xp.minimum(xp.minimum(distance, reach.radius), reach.along)
    for step in range(1, steps):
        if step > 1:
            decentred, growth = _decentred(radial, centred * (along / distance), along * along)
            centred = bent - decentred
            distance = _radius(centred)
        reached, slope = _polynomial(radial, along)
        missing = xp.minimum(distance, reach.radius) - reached
        along = xp.minimum(along + missing / xp.clip(slope + growth, min=_LEAST_SLOPE), reach.along)
    radius = xp.where(radial.fisheye, xp.tan(along), along)
    return xp.matrix_transpose(centred * (radius / distance))


def area_scale(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint"]:
    """Return how much larger the lens images a small patch there than a straight lens would.

    A detector's precision (1/px²) times this is the precision in undistorted pixels, the same along
    and across the radius; decentring is left out. At least 0.0025, as `undistort` reaches no further.
    """
    xp = namespace(normalised, lens)
    radial = _radial(lens)
    radius = _radius(xp.matrix_transpose(normalised))
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    reached, slope = _polynomial(radial, along)
    across = reached / radius
    growth = xp.where(radial.fisheye, slope / (1.0 + radius * radius), slope)
    least = _LEAST_SLOPE * _LEAST_SLOPE
    scale = growth * across
    return xp.where(scale > least, scale, least)[..., 0, :]


def one_to_one(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Bool[Array, "*#batch view joint"]:
    """Say where the radius in the image still grows with the angle from the axis.

    Where it doesn't, the polynomial has left the range it was calibrated for: `distort` may place a
    point far off axis inside the image, where no light of it arrives.
    """
    xp = namespace(normalised, lens)
    radial = _radial(lens)
    radius = _radius(xp.matrix_transpose(normalised))
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    _, slope = _polynomial(radial, along)
    grows = slope > 0.0
    # The slope can turn positive again behind the fold: look at the way there too.
    for share in (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875):
        _, slope = _polynomial(radial, along * share)
        grows = grows & (slope > 0.0)
    return grows[..., 0, :]


def _radial(lens: Array) -> _Radial:
    xp = namespace(lens)
    fisheye = lens[..., 9:] > 0.5
    # Products with constants pick the numbers: one operation each where an engine runs it.
    of_fisheye, of_pinhole = (lens @ _constant(picks, lens) for picks in (_OF_FISHEYE, _OF_PINHOLE))
    numbers = xp.where(fisheye, of_fisheye, of_pinhole)
    coefficients = xp.reshape(numbers[..., :8], (*numbers.shape[:-1], 2, 4))
    return _Radial(fisheye[..., None], coefficients, numbers[..., 8:, None])


def _reach(radial: _Radial) -> _Reach:
    xp = namespace(radial.decentring)
    like = radial.decentring
    powers = _TRIED[None, :] ** np.arange(2.0, 10.0, 2.0)[:, None]
    radii, slopes = powers * _TRIED, powers * np.arange(3.0, 11.0, 2.0)[:, None]
    tables = (_TRIED, [*_TRIED, *np.ones_like(_TRIED)], np.concatenate([radii, slopes], axis=-1))
    tried, straight, table = (_constant(values, like) for values in tables)
    both = radial.coefficients[..., :1, :] @ table + straight
    radius, slope = both[..., : len(_TRIED)], both[..., len(_TRIED) :]
    along = xp.min(xp.where(slope > _LEAST_SLOPE, _WIDEST_PINHOLE, tried), axis=-1, keepdims=True)
    along = xp.where(radial.fisheye, xp.clip(along, max=_WIDEST_FISHEYE), along)
    return _Reach(along, xp.max(xp.where(tried <= along, radius, 0.0), axis=-1, keepdims=True))


def _constant(values: Any, like: Array) -> Array:
    if not is_torch_array(like):
        return np.asarray(values, dtype=like.dtype)
    # An exported graph keeps numbers as constants, not arrays of another library.
    return namespace(like).asarray(np.asarray(values).tolist(), dtype=like.dtype, device=device(like))


def _radius(places: Array) -> Array:
    """Return the distance (*batch view 1 joint) from the axis."""
    return _root(namespace(places).sum(places * places, axis=-2, keepdims=True))


def _root(squared: Array) -> Array:
    """Return a root that is never 0: the lens is straight there, and its square root not."""
    xp = namespace(squared)
    return xp.sqrt(xp.clip(squared, min=_CENTRE))


def _polynomial(radial: _Radial, along: Array) -> tuple[Array, Array]:
    """Return the radius in the image and how fast it grows, each (*batch view 1 joint)."""
    xp = namespace(along)
    squared = along * along
    fourth = squared * squared
    powers = xp.concat([squared, fourth, squared * fourth, fourth * fourth], axis=-2)
    both = 1.0 + radial.coefficients @ powers
    return along * both[..., :1, :], both[..., 1:, :]


def _decentred(radial: _Radial, places: Array, squared: Array) -> tuple[Array, Array]:
    """Return OpenCV's tangential distortion and how fast it grows along the radius.

    (2 p1 x y + p2 (r² + 2 x²), p1 (r² + 2 y²) + 2 p2 x y) is q r² + 2 (q . x) x with q = (p2, p1); its
    part along the radius is 3 r (q . x).
    """
    lean = namespace(places).matrix_transpose(2.0 * radial.decentring) @ places
    return radial.decentring * squared + lean * places, 3.0 * lean
