"""A training's folder as its checkpoint, its configuration and what it measured. No Hydra, no Lightning.

A run's folder holds `config.yaml` and `checkpoints/best.ckpt` with `best.ckpt.sha256`. Networks are built
from the configuration by calling what its `_target_`s name, within this package only; the checkpoint then
fills them, read as plain values: neither file can run code.
"""

import importlib
import io
import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.errors import ConfigurationError, IntegrityError, InvalidFileError

_LOG = logging.getLogger(__name__)
_PACKAGE = "mvmono3d."
_OWN = frozenset({"_target_", "_convert_", "_recursive_"})
_UNREADABLE = (
    RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError,
    zipfile.BadZipFile, torch.serialization.pickle.UnpicklingError,  # pyright: ignore[reportPrivateImportUsage]
)  # fmt: skip
"""What PyTorch raises for bytes that are no checkpoint, or that hold more than plain values."""

Plain = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRun:
    """What lies in a training's folder."""

    path: Path
    """The checkpoint."""
    config: Mapping[str, Any]
    """Resolved, with `task` and `skeleton`."""
    weights: Mapping[str, torch.Tensor]
    training: Mapping[str, Plain]
    """Where the weights come from."""
    measured: str
    """The run's own comparison with the classical methods, in Markdown; empty where it made none."""


def read_run(path: Path) -> SavedRun:
    """Read a checkpoint and the configuration beside it, or one folder above.

    Raises `InvalidFileError` or `IntegrityError` in one line.
    """
    content = _read(path)
    checkpoint = _parse(path, content)
    return SavedRun(
        path=path,
        config=_read_config(path),
        weights=checkpoint["state_dict"],
        training=_origin(checkpoint) | {"checkpoint_sha256": sha256_of_bytes(content)},
        measured=_measured(path),
    )


def fill(network: nn.Module, run: SavedRun, *, prefix: str) -> None:
    """Load a part of the run's weights, those whose names begin with `prefix`, into a network."""
    weights = {
        name.removeprefix(prefix): value for name, value in run.weights.items() if name.startswith(prefix)
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        words = " ".join(str(error).split())
        raise InvalidFileError(
            f"{run.path} does not fit the network of its config.yaml: {words[:300]}"
        ) from None


def build(node: Any, *, where: str) -> Any:
    """Build what a resolved configuration describes: call each `_target_` with its built arguments."""
    if isinstance(node, list):
        return [build(item, where=f"{where}[{place}]") for place, item in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    arguments = {key: build(value, where=f"{where}.{key}") for key, value in node.items() if key not in _OWN}
    if "_target_" not in node:
        return arguments
    target = str(node["_target_"])
    if not target.startswith(_PACKAGE) or "__" in target:
        raise ConfigurationError(f"{where}: _target_ {target!r}; only {_PACKAGE}* is exported")
    module, name = target.rsplit(".", 1)
    try:
        return getattr(importlib.import_module(module), name)(**arguments)
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigurationError(f"{where}: can't build {target}: {error}") from None


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFileError(f"can't read checkpoint {path}: {error.strerror}") from None
    hashes = path.with_name(f"{path.name}.sha256")
    if not hashes.is_file():
        _LOG.warning("%s has no .sha256 beside it: its content can't be checked", path)
        return content
    known = {line.split()[0] for line in hashes.read_text(encoding="utf-8").splitlines() if line.strip()}
    if sha256_of_bytes(content) not in known:
        raise IntegrityError(
            f"checkpoint {path} differs from {hashes.name}: it was damaged or changed after it was "
            "written; use another checkpoint of the run"
        )
    return content


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InvalidFileError(f"{path} is not a checkpoint of plain values: {first}") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise InvalidFileError(f"{path} is not a checkpoint of a training: it has no state_dict")
    return checkpoint


def _in_run(checkpoint: Path, name: str) -> Path | None:
    """Return a file of the run: beside the checkpoint, or one folder above."""
    places = (folder / name for folder in (checkpoint.parent, checkpoint.parent.parent))
    return next((place for place in places if place.is_file()), None)


def _measured(path: Path) -> str:
    place = _in_run(path, "comparison.md")
    return "" if place is None else place.read_text(encoding="utf-8").strip()


def _read_config(path: Path) -> dict[str, Any]:
    place = _in_run(path, "config.yaml")
    if place is None:
        raise InvalidFileError(
            f"no config.yaml beside {path} or one folder above; keep the run's folder together"
        )
    try:
        config = yaml.safe_load(place.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{place} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict) or "skeleton" not in config or not isinstance(config.get("task"), dict):
        raise InvalidFileError(f"{place} has no task and skeleton: it is not the configuration of a training")
    return config


def _origin(checkpoint: dict[str, Any]) -> dict[str, Plain]:
    made_from = checkpoint.get("mvmono3d") or {}
    origin = {str(key): value for key, value in made_from.items() if isinstance(value, Plain)}
    origin |= {
        key: checkpoint[key] for key in ("epoch", "global_step") if isinstance(checkpoint.get(key), int)
    }
    for state in (checkpoint.get("callbacks") or {}).values():
        score = state.get("best_model_score") if isinstance(state, dict) else None
        if score is not None and state.get("monitor"):
            origin[f"best {state['monitor']}"] = round(float(score), 6)
    return origin
