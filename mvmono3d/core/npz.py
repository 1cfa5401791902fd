"""Checked reading and whole writing of `.npz` files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mvmono3d.core.schema import SCHEMA_VERSION, atomic_write, check_schema
from mvmono3d.errors import InvalidFileError


def read_npz(path: Path, *, required: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read all arrays; raises `InvalidFileError` when the file or a required array is missing."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InvalidFileError(f"no file {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidFileError(f"{path} is not a readable .npz file: {error}") from None
    check_schema(int(arrays.pop("schema", SCHEMA_VERSION)), where=str(path))
    missing = [name for name in required if name not in arrays]
    if missing:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise InvalidFileError(
            f"{path}: no array {', '.join(missing)}; expected {', '.join(required)}, got {found}"
        )
    return arrays


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays with the schema version, compressed; the file appears whole or not at all."""
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays, schema=np.array(SCHEMA_VERSION), allow_pickle=False)
