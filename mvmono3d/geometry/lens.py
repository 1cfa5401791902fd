"""OpenCV's lenses in both directions: pinhole with k1 k2 p1 p2 k3, fisheye with k1 k2 k3 k4.

Both are one radial polynomial: s (1 + c1 s² + c2 s⁴ + c3 s⁶ + c4 s⁸) of s = tan(θ) for pinhole and of
s = θ for fisheye, where θ is the angle from the optical axis; pinhole adds decentring. So one formula
serves any mixture of lenses in a rig. "Normalised" is (x / z, y / z) in the camera's frame.

Source: https://docs.opencv.org/5.x/d9/d0c/group__calib3d.html and .../db/d58/group__calib3d__fisheye.html
"""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace

_CENTRE = 1e-12
"""Squared radius below which the lens is linear, so that no square root meets 0."""
_WIDEST_FISHEYE = 1.55
"""Largest angle from the axis (rad): beyond it x / z is no longer finite."""
_WIDEST_PINHOLE = 16.0
_LEAST_SLOPE = 0.05
"""Of the polynomial where it is inverted: pixels that no point reaches are answered near the fold."""
_ITERATIONS = 8


class _Radial(NamedTuple):
    """The lens of every view, with an axis of length 1 for the joints."""

    fisheye: Array
    coefficients: tuple[Array, Array, Array, Array]
    tangential: tuple[Array, Array]
    widest: Array
    """Largest `along` that `undistort` answers."""


class _Search(NamedTuple):
    """Newton's method on the way; it never steps over the fold of a barrel lens."""

    along: Array
    slope: Array
    damping: Array


def distort(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint 2"]:
    """Return the pixels at which normalised points appear (as `cv2.projectPoints`).

    A barrel lens folds far outside its image back into it: see `one_to_one`.
    """
    xp = namespace(normalised, lens)
    radial = _radial(lens)
    x, y = normalised[..., 0], normalised[..., 1]
    squared = x * x + y * y
    radius = xp.sqrt(xp.where(squared > _CENTRE, squared, _CENTRE))
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    factor = along * _polynomial(radial, along) / radius
    across_x, across_y = _decentring(radial, x, y)
    return xp.stack(
        [
            (x * factor + across_x) * lens[..., None, 0] + lens[..., None, 2],
            (y * factor + across_y) * lens[..., None, 1] + lens[..., None, 3],
        ],
        axis=-1,
    )


def undistort(
    pixels: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint 2"]:
    """Return normalised points of distorted pixels (as `cv2.undistortPoints`, converged).

    Newton's method on the radius with decentring by fixed point: a fixed number of steps, exact to
    1e-9 inside the image of real lenses. Pixels beyond what the lens can image (a strong barrel lens
    with k1 alone) get the direction of its widest ray, and a view whose focal length is 0 (padding) gets
    finite numbers.
    """
    xp = namespace(pixels, lens)
    radial = _radial(lens)
    focal = lens[..., None, :2]
    sharp = (pixels - lens[..., None, 2:4]) / xp.where(focal > 0.0, focal, 1.0)
    x, y = sharp[..., 0], sharp[..., 1]
    straight_x, straight_y = x, y
    search = _Search(xp.zeros_like(x), xp.ones_like(x), xp.ones_like(x))
    for _ in range(_ITERATIONS):
        across_x, across_y = _decentring(radial, straight_x, straight_y)
        radial_x, radial_y = x - across_x, y - across_y
        squared = radial_x * radial_x + radial_y * radial_y
        target = xp.sqrt(xp.where(squared > _CENTRE, squared, _CENTRE))
        search = _newton(radial, search, target)
        factor = xp.where(radial.fisheye, xp.tan(search.along), search.along) / target
        straight_x, straight_y = radial_x * factor, radial_y * factor
    return xp.stack([straight_x, straight_y], axis=-1)


def one_to_one(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Bool[Array, "*#batch view joint"]:
    """Say where the radius in the image still grows with the angle from the axis.

    Where it doesn't, the polynomial has left the range it was calibrated for: `distort` may place a
    point far off axis inside the image, where no light of it arrives.
    """
    xp = namespace(normalised, lens)
    radial = _radial(lens)
    squared = xp.sum(normalised * normalised, axis=-1)
    radius = xp.sqrt(xp.where(squared > _CENTRE, squared, _CENTRE))
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    grows = _slope(radial, along) > 0.0
    # The slope can turn positive again behind the fold: look at the way there too.
    for share in (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875):
        grows = grows & (_slope(radial, along * share) > 0.0)
    return grows


def _radial(lens: Array) -> _Radial:
    xp = namespace(lens)
    fisheye = lens[..., None, 9] > 0.5
    d0, d1, d2, d3, d4 = (lens[..., None, column] for column in range(4, 9))
    zero = xp.zeros_like(d0)
    return _Radial(
        fisheye=fisheye,
        coefficients=(d0, d1, xp.where(fisheye, d2, d4), xp.where(fisheye, d3, zero)),
        tangential=(xp.where(fisheye, zero, d2), xp.where(fisheye, zero, d3)),
        widest=xp.where(fisheye, zero + _WIDEST_FISHEYE, zero + _WIDEST_PINHOLE),
    )


def _polynomial(radial: _Radial, along: Array) -> Array:
    c1, c2, c3, c4 = radial.coefficients
    squared = along * along
    return 1.0 + squared * (c1 + squared * (c2 + squared * (c3 + squared * c4)))


def _slope(radial: _Radial, along: Array) -> Array:
    c1, c2, c3, c4 = radial.coefficients
    squared = along * along
    return 1.0 + squared * (3.0 * c1 + squared * (5.0 * c2 + squared * (7.0 * c3 + squared * (9.0 * c4))))


def _decentring(radial: _Radial, x: Array, y: Array) -> tuple[Array, Array]:
    p1, p2 = radial.tangential
    squared, product = x * x + y * y, 2.0 * x * y
    return p1 * product + p2 * (squared + 2.0 * x * x), p1 * (squared + 2.0 * y * y) + p2 * product


def _newton(radial: _Radial, search: _Search, target: Array) -> _Search:
    xp = namespace(target)
    error = search.along * _polynomial(radial, search.along) - target
    candidate = search.along - search.damping * error / search.slope
    candidate = xp.where(candidate < radial.widest, candidate, radial.widest)
    candidate = xp.where(candidate > 0.0, candidate, 0.0)
    slope = _slope(radial, candidate)
    ok = slope > _LEAST_SLOPE
    return _Search(
        along=xp.where(ok, candidate, search.along),
        slope=xp.where(ok, slope, search.slope),
        damping=xp.where(ok, 1.0, 0.5 * search.damping),
    )
