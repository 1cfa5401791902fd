"""The few things a recorder asks of a file system, in one place, so that tests can make each of them fail."""

import os
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class FileLayer(Protocol):
    """What a segment is written through; everything may raise `OSError`."""

    def create(self, path: Path) -> int:
        """Create a file that must not exist; returns its handle."""
        ...

    def write(self, handle: int, data: bytes | memoryview) -> None:
        """Append all of the data, or raise."""
        ...

    def sync(self, handle: int) -> None:
        """Return once everything written so far is on the disk."""
        ...

    def close(self, handle: int) -> None:
        """Give the handle back."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Replace the target by the source, at once."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Return once the folder's names are on the disk."""
        ...

    def free_bytes(self, folder: Path) -> int:
        """Room that is left for this user."""
        ...


class OsFiles:
    """The real file system."""

    def create(self, path: Path) -> int:
        """See `FileLayer`."""
        # Pixels are for the owner and the group.
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)

    def write(self, handle: int, data: bytes | memoryview) -> None:
        """See `FileLayer`."""
        # A nearly full disk takes a part and says so only by the count; the next write then raises.
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def sync(self, handle: int) -> None:
        """See `FileLayer`."""
        # The size that reading needs is synced, too; the time of the last change is not.
        os.fdatasync(handle)

    def close(self, handle: int) -> None:
        """See `FileLayer`."""
        os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """See `FileLayer`."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """See `FileLayer`."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def free_bytes(self, folder: Path) -> int:
        """See `FileLayer`."""
        state = os.statvfs(folder)
        return state.f_bavail * state.f_frsize
