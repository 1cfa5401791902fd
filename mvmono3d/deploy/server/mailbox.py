"""A mailbox in shared memory: one process puts messages in, another takes the newest out.

Neither waits for the other. A message lies in one of three slots, guarded by a stamp as in the ring of frame
sets: `2n + 1` while the n-th message is being written there, `2n + 2` when it is whole. A writer that was
killed is followed by the next one in the same memory, so that the reader goes on.
"""

import os
from types import TracebackType

import numpy as np

from mvmono3d.deploy.ring.memory import (
    locked,
    map_memory,
    open_exclusively,
    order_memory,
    path_of,
    release,
)
from mvmono3d.errors import InvalidFileError, InvalidRecordError

_MAGIC = 0x4D564D4D41494C31
_SLOTS = 3
_MAGIC_WORD, _SLOT_BYTES_WORD, _HEAD_WORD, _CLOSED_WORD, _WORDS = range(5)
_NUMBERS = _WORDS + 2 * _SLOTS
_FRONT = 4096
_TRIES = 8


def _total(slot_bytes: int) -> int:
    return _FRONT + _SLOTS * slot_bytes


class _Memory:
    """Numbers and slots of a mailbox."""

    __slots__ = ("control", "lengths", "slots", "stamps")

    def __init__(self, memory: memoryview, slot_bytes: int) -> None:
        numbers = np.frombuffer(memory, dtype=np.int64, count=_NUMBERS)
        self.control = numbers[:_WORDS]
        self.stamps = numbers[_WORDS : _WORDS + _SLOTS]
        self.lengths = numbers[_WORDS + _SLOTS :]
        self.slots = [memory[_FRONT + slot * slot_bytes :][:slot_bytes] for slot in range(_SLOTS)]


class MailboxWriter:
    """The one writer of a mailbox.

    Raises:
        InvalidFileError: if the mailbox has a living writer, or there is no room for it.
    """

    def __init__(self, name: str, *, slot_bytes: int) -> None:
        self._name, self._slot_bytes = name, slot_bytes
        self._path = path_of(name)
        self._descriptor = open_exclusively(name)
        size = os.fstat(self._descriptor).st_size
        if size not in (0, _total(slot_bytes)):
            # Another version's. Who reads it keeps the old memory until it looks again.
            self._path.unlink(missing_ok=True)
            release(self._descriptor)
            self._descriptor = open_exclusively(name)
        try:
            os.posix_fallocate(self._descriptor, 0, _total(slot_bytes))
        except OSError as error:
            self._path.unlink(missing_ok=True)
            release(self._descriptor)
            raise InvalidFileError(
                f"no room for a mailbox of {_total(slot_bytes) / 1e6:.1f} MB in {self._path.parent} "
                f"({error.strerror}): a larger shared memory (docker: --shm-size)"
            ) from error
        self._memory = _Memory(memoryview(map_memory(self._descriptor, writable=True)), slot_bytes)
        self._begin()

    def _begin(self) -> None:
        memory = self._memory
        # What the last writer was about to write when it died is void.
        memory.stamps[memory.stamps % 2 == 1] = 0
        memory.control[_HEAD_WORD] = max(int(memory.control[_HEAD_WORD]), int(memory.stamps.max()) // 2)
        memory.control[_SLOT_BYTES_WORD] = self._slot_bytes
        order_memory()
        memory.control[_MAGIC_WORD] = _MAGIC

    def put(self, message: bytes) -> None:
        """Replace what the reader will find.

        Raises:
            InvalidRecordError: if the message is larger than a slot.
        """
        if len(message) > self._slot_bytes:
            raise InvalidRecordError(
                f"mailbox {self._name!r}: a message of {len(message)} bytes, at most {self._slot_bytes} fit"
            )
        memory = self._memory
        number = int(memory.control[_HEAD_WORD])
        slot = number % _SLOTS
        memory.stamps[slot] = 2 * number + 1
        order_memory()
        memory.slots[slot][: len(message)] = message
        memory.lengths[slot] = len(message)
        order_memory()
        memory.stamps[slot] = 2 * number + 2
        memory.control[_HEAD_WORD] = number + 1

    def close(self) -> None:
        """Tell the reader that no more will come, and delete the mailbox; safe to call twice."""
        if self._descriptor < 0:
            return
        self._memory.control[_CLOSED_WORD] = 1
        self._path.unlink(missing_ok=True)
        release(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> "MailboxWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MailboxReader:
    """Takes the newest message; may be one of many.

    Raises:
        InvalidFileError: if there is no such mailbox, or it is not ready.
    """

    def __init__(self, name: str) -> None:
        path = path_of(name)
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise InvalidFileError(f"no mailbox {name!r} at {path}: nobody publishes under it") from None
        try:
            self._memory = _attach(self._descriptor, name)
        except BaseException:
            os.close(self._descriptor)
            raise
        # The newest of those that are there already can be had.
        self._taken = max(0, int(self._memory.control[_HEAD_WORD]) - 1)
        self.skipped = 0
        """Messages that were replaced before this reader took them, since it is there."""

    def take(self) -> bytes | None:
        """Return the newest message if this reader has not had it yet."""
        memory = self._memory
        for _ in range(_TRIES):
            head = int(memory.control[_HEAD_WORD])
            if head <= self._taken:
                return None
            slot, whole = (head - 1) % _SLOTS, 2 * head
            before = memory.stamps[slot]
            order_memory()
            message = bytes(memory.slots[slot][: int(memory.lengths[slot])])
            order_memory()
            if before == whole and memory.stamps[slot] == whole:
                self.skipped += head - 1 - self._taken
                self._taken = head
                return message
        return None

    @property
    def writer_lives(self) -> bool:
        """Say whether a process holds the mailbox for writing; false at once after `kill -9`."""
        return locked(self._descriptor)

    @property
    def closed(self) -> bool:
        """Say whether the writer has finished: open the mailbox again to see the next one."""
        return bool(self._memory.control[_CLOSED_WORD])

    def close(self) -> None:
        """Let go of the mailbox; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _attach(descriptor: int, name: str) -> _Memory:
    size = os.fstat(descriptor).st_size
    if size >= _FRONT:
        memory = memoryview(map_memory(descriptor, writable=False))
        control = np.frombuffer(memory, dtype=np.int64, count=_WORDS)
        if control[_MAGIC_WORD] == _MAGIC and _total(int(control[_SLOT_BYTES_WORD])) == size:
            return _Memory(memory, int(control[_SLOT_BYTES_WORD]))
    raise InvalidFileError(f"mailbox {name!r} is not ready: expected a header, found {size} bytes; try again")
