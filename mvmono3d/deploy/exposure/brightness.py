"""How bright a picture is, within the region that matters."""

import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt

_STRIDE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Brightness:
    """Of one camera's picture; shares of the region, levels relative to full scale."""

    level: float
    """Mean, 0 to 1."""
    saturated: float
    """Share of pixels at full scale."""
    content: int
    """Checksum: two pictures of a living sensor never share it, because of its noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A rectangle of the image, in pixels."""

    left: int
    top: int
    width: int
    height: int


def measure_brightness(
    image: UInt[np.ndarray, "height width"], *, region: Region | None = None, bits: int = 8
) -> Brightness:
    """Measure every fourth pixel of every fourth row of the region (the whole image without one)."""
    if region is not None:
        image = image[region.top :, region.left :][: region.height, : region.width]
    thinned = np.ascontiguousarray(image[::_STRIDE, ::_STRIDE])
    full = (1 << bits) - 1
    return Brightness(
        level=float(thinned.mean()) / full if thinned.size else 0.0,
        saturated=float(np.count_nonzero(thinned >= full)) / max(thinned.size, 1),
        content=zlib.crc32(thinned.tobytes()),
    )
