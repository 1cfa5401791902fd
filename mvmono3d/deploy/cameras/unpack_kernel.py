# ruff: noqa: ANN001, ANN201 - numba doesn't understand annotations
"""Compiled unpacking of 12-bit pixels: ten times as fast as numpy, which could not follow 120 Hz."""

from typing import no_type_check

from mvmono3d.geometry.compiled import compiled


@compiled
@no_type_check
def unpack_12p(rows, image):
    """Unpack two pixels of 12 bits from three bytes, the lower bits first (PFNC Mono12p).

    * `rows`: `height (width * 3 / 2)` bytes.
    * `image`: `height width`, uint16, is overwritten.
    """
    height, length = rows.shape
    for row in range(height):
        packed, pixels = rows[row], image[row]
        for pair in range(length // 3):
            first, middle, last = packed[3 * pair], packed[3 * pair + 1], packed[3 * pair + 2]
            pixels[2 * pair] = first | ((middle & 15) << 8)
            pixels[2 * pair + 1] = (middle >> 4) | (last << 4)
