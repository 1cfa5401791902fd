"""A file layer that fails when told, and one that remembers what a power loss may leave on the disk."""

import errno
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mvmono3d.deploy.recording.files import OsFiles

PAGE = 4096


class FailingFiles(OsFiles):
    """Every `every`-th call fails, of some kinds or of all; or writes do once the room is used up."""

    def __init__(self, *, every=0, error=errno.EIO, kinds=(), room_bytes=None):
        self.every, self.error, self.kinds, self.room_bytes = every, error, kinds, room_bytes
        self.calls = self.failed = self.written_bytes = 0
        self._lock = threading.Lock()

    def _may_fail(self, kind: str) -> None:
        with self._lock:
            if self.kinds and kind not in self.kinds:
                return
            self.calls += 1
            if self.every and self.calls % self.every == 0:
                self.failed += 1
                raise OSError(self.error, f"{kind} fails")

    def create(self, path):
        self._may_fail("create")
        return super().create(path)

    def write(self, handle, data):
        self._may_fail("write")
        if self.room_bytes is not None:
            rest = max(0, self.room_bytes - self.written_bytes)
            if len(data) > rest:
                # As a full disk does: a part of it is written.
                super().write(handle, data[:rest])
                self.written_bytes += rest
                self.failed += 1
                raise OSError(errno.ENOSPC, "No space left on device")
            self.written_bytes += len(data)
        super().write(handle, data)

    def sync(self, handle):
        self._may_fail("sync")
        super().sync(handle)

    def rename(self, source, target):
        self._may_fail("rename")
        super().rename(source, target)

    def sync_folder(self, folder):
        self._may_fail("sync_folder")
        super().sync_folder(folder)


@dataclass
class _File:
    content: bytearray = field(default_factory=bytearray)
    synced: int = 0
    """Bytes that are on the disk for certain."""


@dataclass
class Instant:
    """Sizes of all files, what was synced of them, and names, at one moment."""

    files: dict[int, tuple[int, int]]
    names: dict[str, int]
    durable_names: dict[str, int]
    """Names that a sync of the folder made certain."""
    time_s: float
    acknowledged: int = 0
    """Synced bytes of all files."""


class RememberingFiles(OsFiles):
    """Keeps every file in memory, and after each call an instant at which power may be lost."""

    def __init__(self, clock):
        self._clock, self._lock = clock, threading.Lock()
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._durable: dict[str, int] = {}
        self.instants: list[Instant] = []

    def _note(self):
        self.instants.append(
            Instant(
                files={handle: (len(file.content), file.synced) for handle, file in self._files.items()},
                names=dict(self._names),
                durable_names=dict(self._durable),
                time_s=self._clock(),
            )
        )

    def create(self, path):
        with self._lock:
            handle = len(self._files)
            self._files[handle] = _File()
            self._names[path.name] = handle
            self._note()
            return handle

    def write(self, handle, data):
        with self._lock:
            self._files[handle].content += data
            self._note()

    def sync(self, handle):
        with self._lock:
            self._files[handle].synced = len(self._files[handle].content)
            self._note()

    def close(self, handle):
        pass

    def rename(self, source: Path, target: Path):
        with self._lock:
            self._names[target.name] = self._names.pop(source.name)
            self._note()

    def sync_folder(self, folder):
        with self._lock:
            self._durable = dict(self._names)
            self._note()

    def free_bytes(self, folder):
        return 1 << 50

    def disk_after_power_loss(self, instant: Instant, folder: Path, generator: np.random.Generator) -> None:
        """Write into the folder what the disk may hold.

        What was synced is there. Of the rest each page is there or zero, and the file ends anywhere from
        the synced size to the written one, also within a page. Names that no sync made certain are the old
        or the new ones; a file without any name is gone.
        """
        names = dict(instant.durable_names)
        for name, handle in instant.names.items():
            if instant.durable_names.get(name) != handle and generator.random() < 0.5:
                names = {old: other for old, other in names.items() if other != handle}
                names[name] = handle
        for name, handle in names.items():
            size, synced = instant.files[handle]
            content = np.frombuffer(bytes(self._files[handle].content[:size]), dtype=np.uint8).copy()
            kind = generator.integers(4)
            if kind == 0:
                content = content[: int(generator.integers(synced, size + 1))]
            elif kind == 1:
                for page in range(synced // PAGE, -(-size // PAGE)):
                    if generator.random() < 0.5:
                        content[max(page * PAGE, synced) : (page + 1) * PAGE] = 0
            elif kind == 2:
                content[synced:] = 0
            else:
                content = content[:synced]
            (folder / name).write_bytes(content.tobytes())
