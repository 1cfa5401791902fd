"""Checkpoints that are whole, hold plain values only, and name their own corruption.

Next to `x.ckpt` lies `x.ckpt.sha256`, readable by `sha256sum --check`.
"""

import io
import logging
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from torch import nn

from mvmono3d.core.schema import atomic_write, sha256_of_bytes
from mvmono3d.errors import IntegrityError, InvalidFileError

_LOG = logging.getLogger(__name__)
_FAILURES = 3
"""A disk may be full for a while: this many checkpoints in a row may fail before the run stops."""


class SafeCheckpoints(CheckpointIO):
    """Read and write checkpoints for Lightning."""

    def __init__(self) -> None:
        self._failed = 0

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the checkpoint; the one before it stays intact until this one is whole."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        try:
            _write(Path(path), buffer.getvalue())
        except OSError as error:
            self._failed += 1
            if self._failed >= _FAILURES:
                raise
            _LOG.warning("could not write %s (%s); training goes on, the older one stays", path, error)
        else:
            self._failed = 0

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint as plain values; nothing in it can run code."""
        return read_checkpoint(Path(path), map_location=map_location)

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint and its hash."""
        Path(path).unlink(missing_ok=True)
        hash_file(Path(path)).unlink(missing_ok=True)


def hash_file(path: Path) -> Path:
    """Return where the hash of a checkpoint stands."""
    return path.with_name(f"{path.name}.sha256")


def read_checkpoint(path: Path, *, map_location: Any | None = "cpu") -> dict[str, Any]:
    """Read a checkpoint; raises `IntegrityError` when its content is not what was written."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFileError(f"can't read checkpoint {path}: {error.strerror}") from None
    _check_hash(path, content)
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location=map_location, weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise InvalidFileError(f"{path} is not a checkpoint: {_first_line(error)}") from None
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":
            raise
        message = f"{path} holds more than plain values, which could run code: {_first_line(error)}"
        raise InvalidFileError(message) from None
    if not isinstance(checkpoint, dict):
        raise InvalidFileError(f"{path} is not a checkpoint: it holds a {type(checkpoint).__name__}")
    return checkpoint


def load_weights(module: nn.Module, path: Path) -> None:
    """Load the weights of a checkpoint; raises `InvalidFileError` when they are another network's."""
    try:
        module.load_state_dict(read_checkpoint(path)["state_dict"])
    except (KeyError, RuntimeError) as error:
        lines = " ".join(str(error).split())
        raise InvalidFileError(f"{path} holds the weights of another task or skeleton: {lines}") from None


def _check_hash(path: Path, content: bytes) -> None:
    try:
        lines = hash_file(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        _LOG.warning("%s has no .sha256 beside it: its content can't be checked", path)
        return
    if sha256_of_bytes(content) not in {line.split()[0] for line in lines if line.strip()}:
        raise IntegrityError(
            f"checkpoint {path} differs from {hash_file(path).name}: it was damaged or changed after it was "
            "written; use another checkpoint of the run"
        )


def _write(path: Path, content: bytes) -> None:
    new = f"{sha256_of_bytes(content)}  {path.name}\n"
    hashes = hash_file(path)
    old = hashes.read_text(encoding="utf-8") if hashes.is_file() and path.is_file() else ""
    # Both hashes are valid until the new content is in place: no moment leaves the two files at odds.
    with atomic_write(hashes) as file:
        file.write((new + old).encode())
    with atomic_write(path) as file:
        file.write(content)
    with atomic_write(hashes) as file:
        file.write(new.encode())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
