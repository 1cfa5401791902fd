"""A folder of memory-mapped `.npy` files and `store.json`, which names them and holds their hashes.

It appears whole or not at all; when two processes make the same one, the first one's stays.
"""

import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mvmono3d.core.array import Array
from mvmono3d.core.schema import (
    SCHEMA_VERSION,
    atomic_write,
    check_schema,
    sha256_of_bytes,
    sha256_of_file,
)
from mvmono3d.errors import InvalidFileError

INDEX = "store.json"


class Index(NamedTuple):
    """What `store.json` says."""

    content: dict[str, Any]
    """What the writer put there, with "arrays": shape, dtype and SHA-256 of each file."""
    hash: str
    """SHA-256 over the content of all files."""


def write_arrays(folder: Path, arrays: Iterable[tuple[str, Array]], *, content: Mapping[str, Any]) -> None:
    """Write named arrays, and an index of them with further content."""
    temporary = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
    temporary.mkdir(parents=True)
    try:
        _write_files(temporary, arrays, content)
        _publish(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_index(folder: Path, *, kind: str) -> Index:
    """Read what a folder holds; raises `InvalidFileError` when it is absent or its index is not one.

    Args:
        folder: the folder.
        kind: what it should be, for the message: "clip store".
    """
    try:
        content = (folder / INDEX).read_bytes()
        index = json.loads(content)
    except OSError as error:
        raise InvalidFileError(f"no {kind} in {folder}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidFileError(f"{folder / INDEX} is not JSON: {error}; make the store again") from None
    check_schema(index.get("schema"), where=str(folder / INDEX))
    return Index(index, sha256_of_bytes(content))


def open_array(folder: Path, name: str, expected: Mapping[str, Any]) -> np.ndarray:
    """Map an array into memory; raises `InvalidFileError` where it isn't what the index says."""
    path = folder / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidFileError(f"{path} is unreadable: {error}; delete {folder} and try again") from None
    got = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if got != {key: expected[key] for key in got}:
        raise InvalidFileError(f"{path}: {got}, expected {expected}; delete {folder} and try again")
    return array


def verify_arrays(folder: Path, arrays: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare every file with its hash; raises `InvalidFileError` at the first that differs."""
    for name, expected in arrays.items():
        path = folder / f"{name}.npy"
        if sha256_of_file(path) != expected["sha256"]:
            raise InvalidFileError(f"{path} has changed since it was written; delete {folder}")


def _write_files(folder: Path, arrays: Iterable[tuple[str, Array]], content: Mapping[str, Any]) -> None:
    files = {}
    for name, array in arrays:
        path = folder / f"{name}.npy"
        np.save(path, array, allow_pickle=False)
        files[name] = {
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "sha256": sha256_of_file(path),
        }
    index = {"schema": SCHEMA_VERSION, **content, "arrays": files}
    with atomic_write(folder / INDEX) as file:
        file.write(json.dumps(index, indent=1).encode())


def _publish(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        # Another process was faster: its store is as good as this one. Anything else is in the way.
        if not (folder / INDEX).is_file():
            raise InvalidFileError(f"{folder} exists and is not a store; delete or rename it") from None
