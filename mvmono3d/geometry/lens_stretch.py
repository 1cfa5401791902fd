"""How a lens stretches the image locally: the derivative of `lens.distort`."""

from jaxtyping import Float

from mvmono3d.core.array import Array, namespace

_CENTRE = 1e-12
"""Squared radius below which the lens is straight."""


def distortion_jacobian(
    normalised: Float[Array, "*#batch view joint 2"], lens: Float[Array, "*#batch view 10"]
) -> Float[Array, "*#batch view joint 2 2"]:
    """Return d(distorted) / d(normalised) before the focal length, symmetric; 1 on the axis.

    With radius r and image radius g(r): g / r across the radius, dg/dr along it, and the decentring
    2 (q x^T + x q^T + (q . x) 1), q = (p2, p1).
    """
    xp = namespace(normalised, lens)
    fisheye = lens[..., None, 9] > 0.5
    d0, d1, d2, d3, d4 = (lens[..., None, column] for column in range(4, 9))
    c3, c4 = xp.where(fisheye, d2, d4), xp.where(fisheye, d3, 0.0)
    p1, p2 = xp.where(fisheye, 0.0, d2), xp.where(fisheye, 0.0, d3)
    x, y = normalised[..., 0], normalised[..., 1]
    radius2 = x * x + y * y
    radius2 = xp.where(radius2 > _CENTRE, radius2, _CENTRE)
    radius = xp.sqrt(radius2)
    along = xp.where(fisheye, xp.atan(radius), radius)
    along2 = along * along
    image = along * (1.0 + along2 * (d0 + along2 * (d1 + along2 * (c3 + along2 * c4))))
    slope = 1.0 + along2 * (3.0 * d0 + along2 * (5.0 * d1 + along2 * (7.0 * c3 + along2 * (9.0 * c4))))
    slope = xp.where(fisheye, slope / (1.0 + radius2), slope)
    across = image / radius + 2.0 * (p2 * x + p1 * y)
    excess = (slope - image / radius) / radius2
    xx = across + excess * x * x + 4.0 * p2 * x
    xy = excess * x * y + 2.0 * (p2 * y + p1 * x)
    yy = across + excess * y * y + 4.0 * p1 * y
    return xp.stack([xp.stack([xx, xy], axis=-1), xp.stack([xy, yy], axis=-1)], axis=-2)
