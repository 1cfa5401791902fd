"""What a calibration came from: board, files and their hash, date, temperature, versions."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import scipy

import mvmono3d
from mvmono3d.calibration.board import Board
from mvmono3d.calibration.board_sheet import describe
from mvmono3d.calibration.inputs import Input
from mvmono3d.core.schema import sha256_of_bytes, sha256_of_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything about a calibration but its numbers."""

    date: str
    """UTC, ISO 8601."""
    board: str
    """In words; "as in the saved corners" where no board file was given."""
    files: tuple[tuple[str, str], ...]
    """(name within the input, SHA-256) of every image, video or file of corners, and of the board file."""
    versions: tuple[tuple[str, str], ...]
    temperature_c: float | None = None

    @property
    def sha256(self) -> str:
        """Of all files together: the same inputs, the same hash."""
        return sha256_of_bytes(*(f"{name} {digest}\n".encode() for name, digest in self.files))


def provenance(
    source: Input,
    *,
    board: Board | None,
    board_path: Path | None,
    temperature_c: float | None = None,
) -> Provenance:
    """Describe a calibration of a folder or of saved corners, made now on this machine."""
    files = [(_name(file, source.path), sha256_of_file(file)) for file in source.files]
    if board_path is not None:
        files.append((board_path.name, sha256_of_file(board_path)))
    return Provenance(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        board="as in the saved corners" if board is None else describe(board),
        files=tuple(files),
        versions=(
            ("mvmono3d", mvmono3d.__version__),
            ("python", platform.python_version()),
            ("numpy", np.__version__),
            ("scipy", scipy.__version__),
            ("opencv", cv2.__version__),
        ),
        temperature_c=temperature_c,
    )


def _name(file: Path, path: Path) -> str:
    return file.name if file == path else file.relative_to(path).as_posix()
