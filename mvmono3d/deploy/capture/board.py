"""Where the capture process writes how it is: a page of shared memory that readers never hold up.

It lies beside the ring of the same name. A stamp guards it as in the ring: odd while it is written.
"""

import fcntl
import mmap
import os
from pathlib import Path

import msgspec
import numpy as np

from mvmono3d.deploy.capture.health import CaptureHealth
from mvmono3d.deploy.ring.memory import order_memory, path_of
from mvmono3d.errors import InvalidFileError

_BYTES = 1 << 16
_HEAD = 2
_TRIES = 100_000


class Board:
    """The one writer's end.

    Raises:
        InvalidFileError: another living process writes it.
    """

    def __init__(self, ring: str) -> None:
        self._path = _path_of(ring)
        old = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(old, ring)
            # Whoever still reads the board of a writer that is gone keeps that one.
            self._path.unlink()
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        finally:
            os.close(old)
        _lock(self._descriptor, ring)
        os.posix_fallocate(self._descriptor, 0, _BYTES)
        memory = mmap.mmap(self._descriptor, _BYTES)
        self._head = np.frombuffer(memory, np.int64, _HEAD)
        self._text = np.frombuffer(memory, np.uint8, offset=8 * _HEAD)
        self._encoder = msgspec.json.Encoder()

    def write(self, health: CaptureHealth) -> None:
        """Replace what stands there."""
        text = self._encoder.encode(health)
        if len(text) > self._text.size:
            raise InvalidFileError(f"health of {len(text)} bytes: expected at most {self._text.size}")
        self._head[0] += 1
        order_memory()
        self._head[1] = len(text)
        self._text[: len(text)] = np.frombuffer(text, np.uint8)
        order_memory()
        self._head[0] += 1

    def remove(self) -> None:
        """Delete it; whoever reads it still can."""
        self._path.unlink(missing_ok=True)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


class BoardReader:
    """A reader's end; goes on reading after the board was removed.

    Raises:
        InvalidFileError: there is no such board, or nothing was written on it yet.
    """

    def __init__(self, ring: str) -> None:
        path = _path_of(ring)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise InvalidFileError(
                f"no capture process writes the ring {ring!r} ({path} is not there); start one first"
            ) from None
        try:
            if os.fstat(descriptor).st_size < _BYTES:
                raise InvalidFileError(f"the health board {path} is not ready: try again")
            memory = mmap.mmap(descriptor, _BYTES, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        self._ring = ring
        self._head = np.frombuffer(memory, np.int64, _HEAD)
        self._text = np.frombuffer(memory, np.uint8, offset=8 * _HEAD)
        self._decoder = msgspec.json.Decoder(CaptureHealth)

    def read(self) -> CaptureHealth:
        """Return what stands there, whole."""
        for _ in range(_TRIES):
            before = int(self._head[0])
            order_memory()
            text = self._text[: int(self._head[1])].tobytes()
            order_memory()
            if before and before % 2 == 0 and before == int(self._head[0]):
                return self._decoder.decode(text)
        raise InvalidFileError(
            f"the health of capture {self._ring!r} can't be read: its writer has not begun, or died writing"
        )


def _lock(descriptor: int, ring: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InvalidFileError(
            f"a capture process writes the ring {ring!r} already: stop it, or choose another name"
        ) from None


def remove_board(ring: str) -> None:
    """Delete a board that is no longer written."""
    _path_of(ring).unlink(missing_ok=True)


def _path_of(ring: str) -> Path:
    return path_of(ring + ".health")


def read_health(ring: str) -> CaptureHealth:
    """Return how the capture process that writes this ring is; raises as `BoardReader` does."""
    return BoardReader(ring).read()
