"""A queue in shared memory between one producer and one consumer, in two processes; nobody ever waits.

Slots of one size in a ring. The producer alone moves `head`, the consumer alone `tail`; both only grow, and
each is one aligned 64-bit store after the slot's bytes, which x86-64 makes visible in this order.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

CONTROL_WORDS = 16
_HEAD, _TAIL = 0, 8


class SlotQueue:
    """Puts groups of byte strings in, whole or not at all, and takes them out in order."""

    def __init__(self, control: np.ndarray, memory: UInt8[np.ndarray, "slot byte"]) -> None:
        self._control, self._memory = control, memory

    @property
    def slots(self) -> int:
        """How many strings fit."""
        return self._memory.shape[0]

    @property
    def slot_bytes(self) -> int:
        """How long a string may be."""
        return self._memory.shape[1]

    @property
    def used(self) -> int:
        """Strings that wait."""
        return int(self._control[_HEAD] - self._control[_TAIL])

    def put(self, group: Sequence[Sequence[np.ndarray | bytes]]) -> bool:
        """Put strings, each given in parts; returns False, at once, where they don't all fit."""
        head = int(self._control[_HEAD])
        if len(group) > self.slots - (head - int(self._control[_TAIL])):
            return False
        for offset, parts in enumerate(group):
            slot, position = self._memory[(head + offset) % self.slots], 0
            for part in parts:
                data = np.frombuffer(part, dtype=np.uint8) if isinstance(part, bytes) else part
                slot[position : position + data.size] = data
                position += data.size
        self._control[_HEAD] = head + len(group)
        return True

    def waiting(self) -> list[UInt8[np.ndarray, " byte"]]:
        """Return the slots that wait, without copying; they stay until `release`."""
        tail = int(self._control[_TAIL])
        return [self._memory[(tail + offset) % self.slots] for offset in range(self.used)]

    def release(self, strings: int) -> None:
        """Give the first slots back."""
        self._control[_TAIL] += strings
