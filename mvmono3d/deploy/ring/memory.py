"""The memory behind a ring: a file in the kernel's memory file system, mapped.

This is what `multiprocessing.shared_memory` does on Linux, without its resource tracker: in Python 3.11
that also registers whoever only attaches, and so deletes the memory under the writer when a reader ends
(https://github.com/python/cpython/issues/82300). A lock on the file tells whether a writer lives; the
kernel releases it even after `kill -9`.
"""

import fcntl
import mmap
import os
import re
import threading
import time
from pathlib import Path

from mvmono3d.deploy.ring.layout import HEADER, RingLayout
from mvmono3d.errors import InvalidFileError

FOLDER = Path("/dev/shm")
_PREFIX = "mvmono3d-"
_PATIENCE_S = 0.2
_LOCK = threading.Lock()


def path_of(name: str) -> Path:
    """Return where the ring of this name lies."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise InvalidFileError(f"ring name {name!r}: expected 1 to 64 letters, digits, '.', '_' or '-'")
    return FOLDER / (_PREFIX + name)


def order_memory() -> None:
    """Keep what was written before visible before what is written after, on any processor.

    x86-64 orders stores anyway. Elsewhere releasing one lock and taking the next is a barrier.
    """
    with _LOCK:
        pass
    with _LOCK:
        pass


def open_exclusively(name: str) -> int:
    """Open or create a ring's file as its only writer; returns the descriptor, which holds the lock."""
    path, end = path_of(name), time.monotonic() + _PATIENCE_S
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            # A reader that asks whether the writer lives holds the lock for microseconds.
            if time.monotonic() > end:
                os.close(descriptor)
                raise InvalidFileError(
                    f"ring {name!r} has a writer already (process {_writer_of(path)}): stop it, or choose "
                    "another name"
                ) from None
            time.sleep(0.005)
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Say whether the file was not replaced while we waited for its lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _writer_of(path: Path) -> int:
    content = path.read_bytes()[: 8 * len(HEADER)]
    place = 8 * HEADER.index("pid")
    return int.from_bytes(content[place : place + 8], "little")


def allocate(descriptor: int, layout: RingLayout) -> None:
    """Reserve the memory now: a full memory file system would otherwise kill the process later."""
    os.ftruncate(descriptor, 0)
    try:
        os.posix_fallocate(descriptor, 0, layout.total_bytes)
    except OSError as error:
        os.ftruncate(descriptor, 0)
        raise InvalidFileError(
            f"no room for a ring of {layout.total_bytes / 1e6:.0f} MB in {FOLDER} ({error.strerror}): "
            "fewer buffers, or a larger shared memory (docker: --shm-size)"
        ) from error


def map_memory(descriptor: int, *, writable: bool) -> mmap.mmap:
    """Map the whole file; for a writer with all its pages, so that the first images take no longer."""
    if not writable:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    flags, rights = mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ | mmap.PROT_WRITE
    return mmap.mmap(descriptor, 0, flags=flags, prot=rights)


def release(descriptor: int) -> None:
    """Give up the lock: a mapping that still lives holds a copy of the descriptor, and with it the lock."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def locked(descriptor: int) -> bool:
    """Say whether a writer holds the file: false as soon as it has ended, however it did."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def remove_ring(name: str) -> bool:
    """Delete a ring that a killed writer left behind; returns whether there was one without a writer."""
    path = path_of(name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if locked(descriptor) or not _is_at(descriptor, path):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)
