"""Any number of readers of a ring: they write nothing, hold nothing up and leave nothing behind."""

import os
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from mvmono3d.deploy.ring.layout import HEADER, PER_VIEW, PPM, RECORD, RingArrays, layout_of
from mvmono3d.deploy.ring.memory import locked, map_memory, order_memory, path_of
from mvmono3d.errors import InvalidFileError

_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RingRecord:
    """What the ring says of one frame set, without its images; rows of absent views are zeros."""

    number: int
    time_ns: int
    spread_ns: int
    present: Bool[np.ndarray, " view"]
    frame_id: Int64[np.ndarray, " view"]
    device_ns: Int64[np.ndarray, " view"]
    host_ns: Int64[np.ndarray, " view"]
    exposure_ns: Int64[np.ndarray, " view"]
    """0: not known."""
    gain: Float64[np.ndarray, " view"]
    """A factor."""
    strobe: Float64[np.ndarray, " view"]
    """Share of full power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSet(RingRecord):
    """One frame set, copied out of the ring."""

    images: Shaped[np.ndarray, "view height width"]


class RingReader:
    """Reads the newest set, or all in order as far as they are still there.

    `skipped` counts sets that this reader never saw, `torn` readings that the writer overtook: those are
    never returned.

    Raises:
        InvalidFileError: if there is no such ring, or it is not ready.
    """

    def __init__(self, name: str) -> None:
        path = path_of(name)
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise InvalidFileError(
                f"no ring {name!r} at {path}: expected a running capture process; start it first"
            ) from error
        try:
            self._arrays = _attach(self._descriptor, name)
        except BaseException:
            os.close(self._descriptor)
            raise
        self._next = self._arrays.get("head")
        self._generation = self._arrays.get("generation")
        self.skipped = 0
        self.torn = 0

    def rewind(self) -> int:
        """Begin with the oldest set that is still there, not with the next one; returns its number."""
        self._next = max(0, self._arrays.get("head") - self._arrays.layout.sets)
        return self._next

    @property
    def head(self) -> int:
        """How many sets were ever published: the number of the next one."""
        return self._arrays.get("head")

    def latest(self) -> RingSet | None:
        """Return the newest set if this reader has not had it yet."""
        for _ in range(_TRIES):
            head = self._arrays.get("head")
            if head <= self._next:
                return None
            found = self._read(head - 1)
            if found is not None:
                self._go_to(head)
                return found
            self.torn += 1
        return None

    def next(self) -> RingSet | None:
        """Return the set after the last one, or the oldest that is still there; None if all were read."""
        while True:
            head = self._arrays.get("head")
            if head <= self._next:
                return None
            number = max(self._next, head - self._arrays.layout.sets)
            found = self._read(number)
            if found is not None:
                self._go_to(number + 1)
                return found
            self.torn += 1
            self._next, self.skipped = number + 1, self.skipped + number + 1 - self._next

    def newest(self) -> RingRecord | None:
        """Return what `latest` would, without its images: for who lets another process look at them."""
        for _ in range(_TRIES):
            head = self._arrays.get("head")
            if head <= self._next:
                return None
            copied = self._record(head - 1)
            if copied is not None:
                self._go_to(head)
                return RingRecord(**_fields(copied, self._arrays.layout.views))
            self.torn += 1
        return None

    def at(self, number: int, *, boxes: Int64[np.ndarray, "view 4"] | None = None) -> RingSet | None:
        """Return the set of this number while it is there; where this reader stands does not change.

        With `boxes` (left, top, right, bottom of each view) only what lies in them is copied; the rest is
        black.
        """
        return self._read(number, boxes) if number < self._arrays.get("head") else None

    def number_at(self, time_ns: int) -> int | None:
        """Return the number of the set of that time; None where the ring has none."""
        head = self._arrays.get("head")
        for number in range(head - 1, max(0, head - self._arrays.layout.sets) - 1, -1):
            copied = self._record(number)
            if copied is not None and int(copied[2]) <= time_ns:
                return number if int(copied[2]) == time_ns else None
        return None

    def _go_to(self, following: int) -> None:
        self.skipped += following - 1 - self._next
        self._next = following

    def _record(self, number: int) -> np.ndarray | None:
        """Copy a set's record; None if the writer has reached it."""
        record = self._arrays.records[number % self._arrays.layout.sets]
        copied = record.copy()
        order_memory()
        whole = 2 * number + 2
        return copied if copied[0] == whole and record[0] == whole else None

    def _read(self, number: int, boxes: Int64[np.ndarray, "view 4"] | None = None) -> RingSet | None:
        """Copy a set; None if the writer has reached any part of it."""
        arrays = self._arrays
        layout, copied = arrays.layout, self._record(number)
        if copied is None:
            return None
        present, buffer = _rows(copied, layout.views)[:2]
        images = np.zeros((layout.views, layout.height, layout.width), dtype=layout.dtype)
        for view in np.flatnonzero(present).tolist():
            place, stamp = int(buffer[view]) % layout.buffers, 2 * int(buffer[view]) + 2
            before = arrays.stamps[view, place]
            order_memory()
            box = _box(None if boxes is None else boxes[view])
            images[view][box] = arrays.images[view, place][box]
            order_memory()
            if before != stamp or arrays.stamps[view, place] != stamp:
                return None
        return RingSet(**_fields(copied, layout.views), images=images)

    @property
    def writer_lives(self) -> bool:
        """Say whether a process holds the ring for writing; false at once after `kill -9`."""
        return locked(self._descriptor)

    @property
    def closed(self) -> bool:
        """Say whether the writer has finished: open the ring again to see another one of its name."""
        return bool(self._arrays.get("closed"))

    def writer_restarted(self) -> bool:
        """Say whether a new writer has taken the ring over since this was last asked."""
        generation = self._arrays.get("generation")
        restarted, self._generation = generation != self._generation, generation
        return restarted

    def close(self) -> None:
        """Let go of the ring; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "RingReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _box(corners: Int64[np.ndarray, "4"] | None) -> tuple[slice, slice]:
    if corners is None:
        return slice(None), slice(None)
    left, top, right, bottom = np.maximum(corners, 0).tolist()
    return slice(top, bottom), slice(left, right)


def _rows(record: np.ndarray, views: int) -> np.ndarray:
    return record[len(RECORD) :].reshape(len(PER_VIEW), views)


def _fields(record: np.ndarray, views: int) -> dict[str, Any]:
    rows = _rows(record, views)
    return {
        "number": int(record[1]), "time_ns": int(record[2]), "spread_ns": int(record[3]),
        "present": rows[0] != 0, "frame_id": rows[2], "device_ns": rows[3], "host_ns": rows[4],
        "exposure_ns": rows[5], "gain": rows[6] / PPM, "strobe": rows[7] / PPM,
    }  # fmt: skip


def _attach(descriptor: int, name: str) -> RingArrays:
    size = os.fstat(descriptor).st_size
    if size >= 8 * len(HEADER):
        memory = memoryview(map_memory(descriptor, writable=False))
        layout = layout_of(np.frombuffer(memory, dtype=np.int64, count=len(HEADER)))
        if layout is not None and layout.total_bytes == size:
            return RingArrays(memory, layout)
    raise InvalidFileError(f"ring {name!r} is not ready: expected a header, found {size} bytes; try again")
