"""Square windows of an image as crops of a fixed size, and pixels carried between the two."""

import math

from jaxtyping import Float

from mvmono3d.core.array import Array, namespace


def crop_from_image(
    centre_px: Float[Array, "*batch 2"],
    side_px: Float[Array, "*batch"],
    *,
    size: int,
    turn_rad: Float[Array, "*batch"] | None = None,
) -> Float[Array, "*batch 2 3"]:
    """Return the similarity that carries image pixels into a crop.

    The window's edges become the edges of the crop's outermost pixels, as areas are scaled; pixel centres
    are whole numbers in both.

    Args:
        centre_px: centre of the window, (u, v) in the image.
        side_px: its side, above 0.
        size: height and width of the crop [px].
        turn_rad: how far the picture is turned from +u towards +v on its way into the crop; 0 by default.
    """
    xp = namespace(centre_px, side_px)
    scale = size / side_px
    angle = xp.zeros_like(scale) if turn_rad is None else turn_rad
    cosine, sine = scale * xp.cos(angle), scale * xp.sin(angle)
    linear = xp.stack([xp.stack([cosine, -sine], axis=-1), xp.stack([sine, cosine], axis=-1)], axis=-2)
    shift = 0.5 * (size - 1) - xp.sum(linear * centre_px[..., None, :], axis=-1)
    return xp.concat([linear, shift[..., None]], axis=-1)


def upright_turn(
    first_px: Float[Array, "*batch 2"], second_px: Float[Array, "*batch 2"]
) -> Float[Array, "*batch"]:
    """Return the turn [rad] after which the second place lies straight above the first, up being -v."""
    xp = namespace(first_px, second_px)
    along = second_px - first_px
    return -0.5 * math.pi - xp.atan2(along[..., 1], along[..., 0])


def image_from_crop(crop_from_image: Float[Array, "*batch 2 3"]) -> Float[Array, "*batch 2 3"]:
    """Return the inverse of a similarity."""
    xp = namespace(crop_from_image)
    cosine, sine = crop_from_image[..., 0, 0], crop_from_image[..., 1, 0]
    squared = cosine * cosine + sine * sine
    cosine, sine = cosine / squared, sine / squared
    linear = xp.stack([xp.stack([cosine, sine], axis=-1), xp.stack([-sine, cosine], axis=-1)], axis=-2)
    shift = -xp.sum(linear * crop_from_image[..., None, :, 2], axis=-1)
    return xp.concat([linear, shift[..., None]], axis=-1)


def carry_pixels(
    similarity: Float[Array, "*batch 2 3"], pixels: Float[Array, "*batch point 2"]
) -> Float[Array, "*batch point 2"]:
    """Return where pixels (u, v) lie on the other side of a similarity."""
    xp = namespace(similarity, pixels)
    turned = xp.sum(similarity[..., None, :, :2] * pixels[..., None, :], axis=-1)
    return turned + similarity[..., None, :, 2]


def similarity_scale(similarity: Float[Array, "*batch 2 3"]) -> Float[Array, "*batch"]:
    """Return how much longer lengths are on the other side: standard deviations scale alike."""
    xp = namespace(similarity)
    return xp.sqrt(similarity[..., 0, 0] ** 2 + similarity[..., 1, 0] ** 2)
