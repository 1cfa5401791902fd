"""How pixels lie in a camera's buffer, and how they are copied out of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mvmono3d.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLayout:
    """One of the GenICam pixel formats (PFNC) that a monochrome camera sends."""

    name: str
    bits: int
    packed: bool = False

    def row_bytes(self, width: int) -> int:
        """Return the length of a row without padding."""
        return width * self.bits // 8 if self.packed else width * (1 if self.bits == 8 else 2)


LAYOUTS = {
    0x01080001: PixelLayout(name="Mono8", bits=8),
    0x01100003: PixelLayout(name="Mono10", bits=10),
    0x01100005: PixelLayout(name="Mono12", bits=12),
    0x010C0047: PixelLayout(name="Mono12p", bits=12, packed=True),
}
"""By PFNC value."""


def copier(
    buffer: bytes | memoryview, layout: PixelLayout, *, shape: tuple[int, int], offset: int, padding: int
) -> Callable[[np.ndarray], None]:
    """Return what copies an image out of a buffer; the buffer may be reused afterwards.

    Args:
        buffer: What the camera filled.
        layout: How pixels lie in it.
        shape: Height and width [px].
        offset: Bytes before the first row.
        padding: Bytes after each row.
    """
    height, width = shape
    used = layout.row_bytes(width)

    def copy_to(image: np.ndarray) -> None:
        if image.shape != shape or image.dtype != (np.uint8 if layout.bits == 8 else np.uint16):
            raise InvalidRecordError(
                f"expected an array of {height} x {width} px for {layout.bits} bits, got {image.shape} "
                f"{image.dtype}"
            )
        rows = np.frombuffer(buffer, np.uint8, height * (used + padding), offset)
        rows = rows.reshape(height, used + padding)[:, :used]
        if layout.packed:
            _unpack(rows, image)
        elif layout.bits == 8:
            np.copyto(image, rows)
        else:
            np.copyto(image, rows.view("<u2"))

    return copy_to


def prepare(pixel_format: str) -> None:
    """Load what unpacking this format takes, before frames come: compiling takes a second, once."""
    layout = next((each for each in LAYOUTS.values() if each.name == pixel_format), None)
    if layout is not None and layout.packed:
        shape = (1, 2)
        copier(bytes(3), layout, shape=shape, offset=0, padding=0)(np.zeros(shape, np.uint16))


def _unpack(rows: np.ndarray, image: np.ndarray) -> None:
    # Imported here because numba takes longer to load than all else, and most cameras send 8 bits.
    from mvmono3d.deploy.cameras.unpack_kernel import unpack_12p

    unpack_12p(rows, image)
