"""The memory that the capture process and the recorder share: queue, ledger, health.

It has no name that could be left behind: the file lives as long as a process holds it.
"""

import mmap
import os
import tempfile

import numpy as np

from mvmono3d.deploy.recording.ledger import Column
from mvmono3d.deploy.recording.slots import CONTROL_WORDS, SlotQueue

_STATE, _FREE, _LEFT_MS, _TEXT_BYTES = range(CONTROL_WORDS, CONTROL_WORDS + 4)
_WORDS = CONTROL_WORDS + 16
_TEXT = 512
_FOREVER_MS = 1 << 62


class Exchange:
    """Both ends see the same; who writes what stands beside each part."""

    def __init__(self, handle: int, *, cameras: int, slots: int, slot_bytes: int) -> None:
        self.handle = handle
        counters = cameras * len(Column)
        front = -(-(8 * (_WORDS + counters) + _TEXT) // mmap.PAGESIZE) * mmap.PAGESIZE
        # Slots begin at multiples of a cache line, so that images are aligned.
        slot_bytes = -(-slot_bytes // 64) * 64
        os.truncate(handle, front + slots * slot_bytes)
        memory = np.frombuffer(mmap.mmap(handle, front + slots * slot_bytes), dtype=np.uint8)
        words = memory[: 8 * (_WORDS + counters)].view(np.int64)
        self._control = words[:_WORDS]
        self._text = memory[8 * (_WORDS + counters) :][:_TEXT]
        self.counts = words[_WORDS:].reshape(cameras, len(Column))
        """The ledger's; see `Column`."""
        self.queue = SlotQueue(self._control[:CONTROL_WORDS], memory[front:].reshape(slots, slot_bytes))

    def publish(self, *, state: int, message: str, free_bytes: int, seconds_left: float) -> None:
        """By the recorder: say how it is."""
        text = np.frombuffer(message.encode()[:_TEXT], dtype=np.uint8)
        self._text[: text.size] = text
        self._control[_TEXT_BYTES] = text.size
        self._control[_FREE] = free_bytes
        self._control[_LEFT_MS] = int(min(seconds_left * 1e3, _FOREVER_MS))
        self._control[_STATE] = state

    @property
    def state(self) -> int:
        """`WriterState` of the recorder."""
        return int(self._control[_STATE])

    @property
    def message(self) -> str:
        """The recorder's last complaint."""
        return bytes(self._text[: int(self._control[_TEXT_BYTES])]).decode(errors="replace")

    @property
    def free_bytes(self) -> int:
        """Room on the disk."""
        return int(self._control[_FREE])

    @property
    def seconds_left(self) -> float:
        """How long the room lasts."""
        left = int(self._control[_LEFT_MS])
        return float("inf") if left >= _FOREVER_MS else left / 1e3


def anonymous_memory() -> int:
    """Return the handle of memory without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("mvmono3d-recorder")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
