"""What lies where in a ring's memory.

Everything but the pixels is an aligned int64, so that each number is written in one piece. A *stamp*
guards each buffer and each record (a sequence lock): `2n + 1` while the n-th thing is being written
there, `2n + 2` when it is whole. Whoever reads compares the stamp before and after.
"""

from dataclasses import dataclass

import numpy as np

from mvmono3d.errors import ConfigurationError

MAGIC = 0x4D564D52494E4731
_ALIGNMENT = 4096

HEADER = (
    "magic",
    "views",
    "height",
    "width",
    "itemsize",
    "buffers",
    "sets",
    "generation",
    "head",
    "pid",
    "closed",
)
"""Numbers at the beginning; the magic is written last, when all else is in place."""
RECORD = ("stamp", "number", "time_ns", "spread_ns")
PER_VIEW = ("present", "buffer", "frame_id", "device_ns", "host_ns", "exposure_ns", "gain_ppm", "strobe_ppm")
PPM = 1_000_000
"""A gain or strobe of 1, as an integer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingLayout:
    """Size of a ring: `buffers` images of each view, and records of the newest `sets` frame sets.

    Raises:
        ConfigurationError: if there are fewer buffers than sets, or a size is not positive.
    """

    views: int
    height: int
    width: int
    itemsize: int = 1
    """Bytes of a pixel: 1 (uint8) or 2 (uint16)."""
    buffers: int = 32
    sets: int = 16

    def __post_init__(self) -> None:
        positive = min(self.views, self.height, self.width, self.sets) > 0
        if not positive or self.itemsize not in (1, 2) or self.buffers < self.sets:
            raise ConfigurationError(
                f"ring of {self.views} views of {self.width} x {self.height} px, {self.itemsize} bytes each, "
                f"{self.buffers} buffers, {self.sets} sets: expected positive sizes, pixels of 1 or 2 bytes "
                "and at least as many buffers as sets (frames that wait for their set need more)"
            )

    @property
    def dtype(self) -> np.dtype:
        """Type of a pixel."""
        return np.dtype(np.uint8 if self.itemsize == 1 else np.uint16)

    @property
    def columns(self) -> int:
        """Numbers in a set's record."""
        return len(RECORD) + len(PER_VIEW) * self.views

    @property
    def numbers_bytes(self) -> int:
        """Length of everything before the pixels."""
        count = len(HEADER) + self.sets * self.columns + self.views * self.buffers
        return _round_up(count * 8)

    @property
    def image_bytes(self) -> int:
        """Distance from one image to the next."""
        return _round_up(self.height * self.width * self.itemsize)

    @property
    def total_bytes(self) -> int:
        """Length of the whole ring."""
        return self.numbers_bytes + self.views * self.buffers * self.image_bytes


def _round_up(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


class RingArrays:
    """Numpy views of a ring's memory."""

    __slots__ = ("header", "images", "layout", "records", "stamps")

    def __init__(self, memory: memoryview, layout: RingLayout) -> None:
        self.layout = layout
        numbers = np.frombuffer(memory, dtype=np.int64, count=layout.numbers_bytes // 8)
        end = len(HEADER) + layout.sets * layout.columns
        self.header = numbers[: len(HEADER)]
        self.records = numbers[len(HEADER) : end].reshape(layout.sets, layout.columns)
        self.stamps = numbers[end : end + layout.views * layout.buffers].reshape(layout.views, layout.buffers)
        pixels = np.frombuffer(memory, dtype=np.uint8, offset=layout.numbers_bytes)
        rows = pixels.reshape(layout.views, layout.buffers, layout.image_bytes)
        used = rows[:, :, : layout.height * layout.width * layout.itemsize]
        shape = (layout.views, layout.buffers, layout.height, layout.width)
        self.images = used.view(layout.dtype).reshape(shape, copy=False)

    def get(self, name: str) -> int:
        """Return a number of the header."""
        return int(self.header[HEADER.index(name)])

    def put(self, name: str, value: int) -> None:
        """Write a number of the header."""
        self.header[HEADER.index(name)] = value


def layout_of(header: np.ndarray) -> RingLayout | None:
    """Return the layout a header describes; None if it is no header, or none yet."""
    values = dict(zip(HEADER, header.tolist(), strict=True))
    if values["magic"] != MAGIC:
        return None
    names = ("views", "height", "width", "itemsize", "buffers", "sets")
    return RingLayout(**{name: values[name] for name in names})
