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
_ITERATIONS = 6


class _Radial(NamedTuple):
    """The lens of every view, with an axis of length 1 for the joints."""

    fisheye: Array
    coefficients: tuple[Array, ...]
    """c1 c2 c3 c4, each with a last axis of 2: for the polynomial and for its slope."""
    decentring: Array
    """(p2, p1); 0 for fisheye."""
    widest: Array
    """Largest `along` that `undistort` answers."""


class _Search(NamedTuple):
    """Newton's method on the way; it never steps over the fold of a barrel lens."""

    along: Array
    reached: Array
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
    radius = _radius(normalised)
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    reached, _ = _polynomial(radial, along)
    bent = normalised * (reached / radius)[..., None] + _decentred(radial, normalised)[0]
    return bent * lens[..., None, :2] + lens[..., None, 2:4]


def undistort(
    pixels: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint 2"]:
    """Return normalised points of distorted pixels (as `cv2.undistortPoints`, converged).

    Newton's method on the radius with decentring by fixed point: a fixed number of steps, exact to
    5e-9 in the far corners of the strongest real lenses and to rounding elsewhere. Pixels beyond what
    the lens can image (a strong barrel lens with k1 alone) get about the direction of its widest ray,
    and a view whose focal length is 0 (padding) gets finite numbers.
    """
    xp = namespace(pixels, lens)
    radial = _radial(lens)
    focal = lens[..., None, :2]
    bent = (pixels - lens[..., None, 2:4]) / xp.where(focal > 0.0, focal, 1.0)
    straight = bent
    zero = xp.zeros_like(bent[..., 0])
    search = _Search(zero, zero, zero + 1.0, zero + 1.0)
    for _ in range(_ITERATIONS):
        decentred, growth = _decentred(radial, straight)
        centred = bent - decentred
        target = _radius(centred)
        search = _newton(radial, search, target, growth)
        radius = xp.where(radial.fisheye, xp.tan(search.along), search.along)
        straight = centred * (radius / target)[..., None]
    return straight


def area_scale(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint"]:
    """Return how much larger the lens images a small patch there than a straight lens would.

    A detector's precision (1/px²) times this is the precision in undistorted pixels, the same along
    and across the radius; decentring is left out. At least 0.0025, as `undistort` reaches no further.
    """
    xp = namespace(normalised, lens)
    radial = _radial(lens)
    radius = _radius(normalised)
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    reached, slope = _polynomial(radial, along)
    across = reached / radius
    growth = xp.where(radial.fisheye, slope / (1.0 + radius * radius), slope)
    least = _LEAST_SLOPE * _LEAST_SLOPE
    scale = growth * across
    return xp.where(scale > least, scale, least)


def one_to_one(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Bool[Array, "*#batch view joint"]:
    """Say where the radius in the image still grows with the angle from the axis.

    Where it doesn't, the polynomial has left the range it was calibrated for: `distort` may place a
    point far off axis inside the image, where no light of it arrives.
    """
    xp = namespace(normalised, lens)
    radial = _radial(lens)
    radius = _radius(normalised)
    along = xp.where(radial.fisheye, xp.atan(radius), radius)
    _, slope = _polynomial(radial, along)
    grows = slope > 0.0
    # The slope can turn positive again behind the fold: look at the way there too.
    for share in (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875):
        _, slope = _polynomial(radial, along * share)
        grows = grows & (slope > 0.0)
    return grows


def _radial(lens: Array) -> _Radial:
    xp = namespace(lens)
    fisheye = lens[..., None, 9] > 0.5
    d0, d1, d2, d3, d4 = (lens[..., None, column] for column in range(4, 9))
    zero = xp.zeros_like(d0)
    radial = (d0, d1, xp.where(fisheye, d2, d4), xp.where(fisheye, d3, zero))
    return _Radial(
        fisheye=fisheye,
        coefficients=tuple(xp.stack([c, (2 * power + 3) * c], axis=-1) for power, c in enumerate(radial)),
        decentring=xp.where(fisheye[..., None], 0.0, xp.stack([d3, d2], axis=-1)),
        widest=xp.where(fisheye, zero + _WIDEST_FISHEYE, zero + _WIDEST_PINHOLE),
    )


def _radius(normalised: Array) -> Array:
    """Return the distance from the axis, never 0: the lens is straight there, and its square root not."""
    xp = namespace(normalised)
    squared = xp.sum(normalised * normalised, axis=-1)
    return xp.sqrt(xp.where(squared > _CENTRE, squared, _CENTRE))


def _polynomial(radial: _Radial, along: Array) -> tuple[Array, Array]:
    """Return the radius in the image and how fast it grows."""
    c1, c2, c3, c4 = radial.coefficients
    squared = (along * along)[..., None]
    both = 1.0 + squared * (c1 + squared * (c2 + squared * (c3 + squared * c4)))
    return along * both[..., 0], both[..., 1]


def _decentred(radial: _Radial, normalised: Array) -> tuple[Array, Array]:
    """Return OpenCV's tangential distortion and how fast it grows along the radius.

    (2 p1 x y + p2 (r² + 2 x²), p1 (r² + 2 y²) + 2 p2 x y) is q r² + 2 (q . x) x with q = (p2, p1); its
    part along the radius is 3 r (q . x).
    """
    xp = namespace(normalised)
    squared = xp.sum(normalised * normalised, axis=-1, keepdims=True)
    lean = xp.sum(radial.decentring * normalised, axis=-1, keepdims=True)
    return radial.decentring * squared + 2.0 * lean * normalised, 6.0 * lean[..., 0]


def _newton(radial: _Radial, search: _Search, target: Array, growth: Array) -> _Search:
    xp = namespace(target)
    slope = search.slope + growth
    slope = xp.where(slope > _LEAST_SLOPE, slope, _LEAST_SLOPE)
    candidate = search.along + search.damping * (target - search.reached) / slope
    reached, slope = _polynomial(radial, candidate)
    ok = (slope > _LEAST_SLOPE) & (candidate > 0.0) & (candidate < radial.widest)
    return _Search(
        along=xp.where(ok, candidate, search.along),
        reached=xp.where(ok, reached, search.reached),
        slope=xp.where(ok, slope, search.slope),
        damping=xp.where(ok, 1.0, 0.5 * search.damping),
    )
