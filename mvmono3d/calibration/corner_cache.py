"""Corners that were found before: one small file per image content and board."""

import os
from pathlib import Path

import numpy as np

from mvmono3d.calibration.board import Board
from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.errors import InvalidFileError

DETECTION_VERSION = 2
"""Raise it when detection changes: what was found before is then found anew."""


def default_cache() -> Path:
    """Return the folder for found corners: MVMONO3D_CACHE, or the user's cache folder."""
    given = os.environ.get("MVMONO3D_CACHE")
    user = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mvmono3d"
    return (Path(given) if given else user) / "corners"


def cache_key(content_hash: str, board: Board, *, opencv_version: str) -> str:
    """Return the name under which corners are kept."""
    parts = (content_hash, repr(board), opencv_version, str(DETECTION_VERSION))
    return sha256_of_bytes("\0".join(parts).encode())


def recall(folder: Path | None, key: str) -> dict[str, np.ndarray] | None:
    """Return what was kept under a key; a damaged file counts as none."""
    if folder is None or not _place(folder, key).is_file():
        return None
    try:
        return read_npz(_place(folder, key), required=("numbers", "pixels"))
    except InvalidFileError:
        return None


def keep(folder: Path | None, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Keep arrays under a key; without a folder, do nothing."""
    if folder is not None:
        write_npz(_place(folder, key), arrays)


def _place(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.npz"
