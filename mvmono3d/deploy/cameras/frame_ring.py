"""A ring of frames in shared memory, through which one process shows images to the simulated cameras."""

import mmap
import struct
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Integer

from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError

# deploy/gentl_simulator/source.hpp holds the same head.
_HEAD = struct.Struct("<8s4IQQ24x")
_MAGIC = b"MVRING01"
_PAGE = 4096


class FrameRing:
    """Writes full sensor frames into a file that `Simulator.source` serves; the newest one is shown.

    A slot's sequence number is odd while its frame is written, so that a reader notices a torn frame.
    """

    def __init__(self, path: Path, shape: tuple[int, int], *, bits: int = 8, slots: int = 8) -> None:
        """Create the file, best in `/dev/shm`.

        Args:
            path: The file; it is overwritten.
            shape: Height and width of the sensor [px].
            bits: 8, or 12 in 16-bit words.
            slots: Frames that the ring holds; at least 3, so that the shown one is not written to.
        """
        if bits not in (8, 12) or slots < 3:
            raise InvalidRecordError(f"expected 8 or 12 bits and at least 3 slots, got {bits} and {slots}")
        self.path, self._slots, self._shown = path, slots, 0
        self._dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
        height, width = shape
        start = -(-(_HEAD.size + 8 * slots) // _PAGE) * _PAGE
        with path.open("wb+") as file:
            file.truncate(start + slots * height * width * self._dtype.itemsize)
            self._map = mmap.mmap(file.fileno(), 0)
        self._map[: _HEAD.size] = _HEAD.pack(_MAGIC, width, height, self._dtype.itemsize, slots, 0, start)
        self._newest = np.frombuffer(self._map, np.uint64, 1, offset=24)
        self._sequence = np.frombuffer(self._map, np.uint64, slots, offset=_HEAD.size)
        frames = np.frombuffer(self._map, self._dtype, slots * height * width, offset=start)
        self._frames = frames.reshape(slots, height, width)

    def show(self, image: Integer[Array, "height width"]) -> None:
        """Make an image the newest frame: uint8, or uint16 with 12 bits of signal."""
        if image.shape != self._frames.shape[1:] or image.dtype != self._dtype:
            raise InvalidRecordError(
                f"expected an image of {self._frames.shape[1:]} {self._dtype}, "
                f"got {image.shape} {image.dtype}"
            )
        slot = self._shown % self._slots
        self._sequence[slot] += np.uint64(1)
        self._frames[slot] = image
        self._sequence[slot] += np.uint64(1)
        self._shown += 1
        self._newest[0] = self._shown

    def close(self) -> None:
        """Let go of the memory and remove the file; cameras that serve it keep what they have mapped."""
        self._newest = self._sequence = np.zeros(0, np.uint64)
        self._frames = np.zeros((0, 0, 0), self._dtype)
        self._map.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> "FrameRing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
