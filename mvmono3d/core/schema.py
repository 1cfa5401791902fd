"""Schema versions, content hashes and files that are either whole or absent."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mvmono3d.errors import InvalidFileError

SCHEMA_VERSION = 1


def check_schema(version: object, *, where: str) -> None:
    """Refuse files of another schema version."""
    if version != SCHEMA_VERSION:
        raise InvalidFileError(
            f"{where}: schema version {version!r}, expected {SCHEMA_VERSION}; "
            "write the file again with this version of mvmono3d"
        )


def sha256_of_bytes(*chunks: bytes) -> str:
    """Return the hexadecimal SHA-256 of the chunks, joined."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary file that appears under `path` whole, or not at all.

    The bytes go to a temporary file in the same folder, are synced, and replace `path` by rename.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder's entry is on disk.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
