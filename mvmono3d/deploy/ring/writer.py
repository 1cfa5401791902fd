"""The one writer of a ring."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.ring.layout import (
    HEADER,
    MAGIC,
    PER_VIEW,
    PPM,
    RECORD,
    RingArrays,
    RingLayout,
    layout_of,
)
from mvmono3d.deploy.ring.memory import (
    allocate,
    map_memory,
    open_exclusively,
    order_memory,
    path_of,
    release,
)
from mvmono3d.errors import InvalidRecordError

_NOT_KNOWN = Lighting(exposure_ns=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RingFrame:
    """One view of a frame set, as it lies in the ring."""

    view: int
    slot: int
    """What `reserve` returned for its image."""
    frame_id: int
    device_ns: int
    host_ns: int
    lighting: Lighting = _NOT_KNOWN
    """How it was taken."""


class RingWriter:
    """Writes images as they come and publishes sets of them; never waits for a reader.

    A ring that a killed writer left is taken over: its readers go on reading. If its layout was another
    one it is closed and replaced.

    Raises:
        InvalidFileError: if the ring has a living writer, or there is no room for it.
    """

    def __init__(self, name: str, layout: RingLayout) -> None:
        self._path = path_of(name)
        self._descriptor = open_exclusively(name)
        try:
            self._arrays = self._take_over(name, layout)
        except BaseException:
            self._path.unlink(missing_ok=True)
            release(self._descriptor)
            raise
        self._written = [_highest(stamps) for stamps in self._arrays.stamps]

    def _take_over(self, name: str, layout: RingLayout) -> RingArrays:
        found = self._map_existing()
        if found is not None and found.layout == layout and not found.get("closed"):
            self._repair(found)
            return found
        if found is not None:
            found.put("closed", 1)
            self._path.unlink(missing_ok=True)
            release(self._descriptor)
            self._descriptor = open_exclusively(name)
        allocate(self._descriptor, layout)
        arrays = RingArrays(memoryview(map_memory(self._descriptor, writable=True)), layout)
        for field in ("views", "height", "width", "itemsize", "buffers", "sets"):
            arrays.put(field, getattr(layout, field))
        arrays.put("pid", os.getpid())
        arrays.put("generation", 1)
        order_memory()
        arrays.put("magic", MAGIC)
        return arrays

    def _map_existing(self) -> RingArrays | None:
        size = os.fstat(self._descriptor).st_size
        if size < 8 * len(HEADER):
            return None
        memory = memoryview(map_memory(self._descriptor, writable=True))
        layout = layout_of(np.frombuffer(memory, dtype=np.int64, count=len(HEADER)))
        return RingArrays(memory, layout) if layout is not None and layout.total_bytes == size else None

    def _repair(self, arrays: RingArrays) -> None:
        """Void what the last writer was about to write when it died."""
        for stamps in (arrays.stamps, arrays.records[:, 0]):
            stamps[stamps % 2 == 1] = 0
        arrays.put("head", max(arrays.get("head"), _highest(arrays.records[:, 0])))
        arrays.put("pid", os.getpid())
        order_memory()
        arrays.put("generation", arrays.get("generation") + 1)

    def reserve(self, view: int) -> tuple[int, np.ndarray]:
        """Return a slot number and the `height width` memory for the view's next image."""
        slot = self._written[view]
        self._written[view] = slot + 1
        place = slot % self._arrays.layout.buffers
        self._arrays.stamps[view, place] = 2 * slot + 1
        order_memory()
        return slot, self._arrays.images[view, place]

    def commit(self, view: int, slot: int) -> None:
        """Say that the image is in its memory."""
        order_memory()
        self._arrays.stamps[view, slot % self._arrays.layout.buffers] = 2 * slot + 2

    def holds(self, view: int, slot: int) -> bool:
        """Say whether a committed image is still there: its buffer was not used again."""
        return bool(self._arrays.stamps[view, slot % self._arrays.layout.buffers] == 2 * slot + 2)

    def image(self, view: int, slot: int) -> np.ndarray:
        """Return the `height width` memory of an image that the ring holds."""
        return self._arrays.images[view, slot % self._arrays.layout.buffers]

    def publish(self, frames: Sequence[RingFrame], *, time_ns: int, spread_ns: int = 0) -> int:
        """Publish committed images as one frame set; returns its number.

        Raises:
            InvalidRecordError: if an image was not committed, or its buffer was used again since: then
                frames wait longer for their set than the ring has buffers.
        """
        arrays, layout = self._arrays, self._arrays.layout
        views = np.zeros((len(PER_VIEW), layout.views), dtype=np.int64)
        for frame in frames:
            if not self.holds(frame.view, frame.slot):
                raise InvalidRecordError(
                    f"ring: image {frame.slot} of view {frame.view} is not there; expected one that was "
                    f"committed and is among the last {layout.buffers} of its view (more buffers would help)"
                )
            lighting = frame.lighting
            views[:, frame.view] = (
                1, frame.slot, frame.frame_id, frame.device_ns, frame.host_ns,
                lighting.exposure_ns, round(lighting.gain * PPM), round(lighting.strobe * PPM),
            )  # fmt: skip
        number = arrays.get("head")
        record = arrays.records[number % layout.sets]
        record[0] = 2 * number + 1
        order_memory()
        record[1 : len(RECORD)] = (number, time_ns, spread_ns)
        record[len(RECORD) :] = views.ravel()
        order_memory()
        record[0] = 2 * number + 2
        arrays.put("head", number + 1)
        return number

    def close(self) -> None:
        """Tell readers that no more will come, and delete the ring; safe to call twice."""
        if self._descriptor < 0:
            return
        self._arrays.put("closed", 1)
        self._path.unlink(missing_ok=True)
        release(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> "RingWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _highest(stamps: np.ndarray) -> int:
    """Return how many things were ever written whole here, from the newest stamp."""
    return int(stamps.max()) // 2
