"""TensorRT plans on disk: built on the machine that runs them, found again by what they depend on.

A plan fits one graph, one kind of GPU and one version of TensorRT; it is never shipped. Beside `KEY.plan`
lies `KEY.json`, which says what it was built from and holds the plan's SHA-256: TensorRT trusts the bytes it
is given.
"""

import importlib
import os
import re
from pathlib import Path
from types import ModuleType

import msgspec

from mvmono3d.core.schema import SCHEMA_VERSION, atomic_write, check_schema, sha256_of_bytes
from mvmono3d.errors import IntegrityError, InvalidFileError, MissingDependencyError

ShapeRange = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Least, usual and greatest shape of an input."""


class PlanKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plan depends on."""

    onnx_sha256: str
    gpu: str
    capability: str
    tensorrt: str
    shapes: dict[str, ShapeRange] = {}
    """Of inputs whose size may differ; the others are fixed in the graph."""

    @property
    def machine(self) -> str:
        """GPU and version, as part of a file's name."""
        gpu = re.sub(r"[^A-Za-z0-9]+", "-", self.gpu).strip("-").lower()
        return f"{gpu}-sm{self.capability.replace('.', '')}-trt{self.tensorrt}"

    @property
    def stem(self) -> str:
        """Name of the plan's files."""
        return f"{self.machine}-{sha256_of_bytes(msgspec.json.encode(self, order='sorted'))[:16]}"


class _Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies beside a plan."""

    schema: int
    key: PlanKey
    plan_sha256: str


def plan_folder() -> Path:
    """Return where this user's plans lie."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mvmono3d" / "tensorrt"


def write_plan(folder: Path, key: PlanKey, plan: bytes) -> Path:
    """Write a plan and the note beside it; returns the plan's path."""
    note = _Note(schema=SCHEMA_VERSION, key=key, plan_sha256=sha256_of_bytes(plan))
    path = folder / f"{key.stem}.plan"
    for target, content in ((path, plan), (path.with_suffix(".json"), msgspec.json.encode(note))):
        with atomic_write(target) as file:
            file.write(content)
    return path


def read_plan(folder: Path, key: PlanKey, *, how: str) -> bytes:
    """Return the plan of that key; `how` is the command that builds it.

    Raises `InvalidFileError` when there is none, `IntegrityError` when it is not what was written.
    """
    path = folder / f"{key.stem}.plan"
    try:
        note = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=_Note)
        plan = path.read_bytes()
    except FileNotFoundError:
        raise InvalidFileError(
            f"no TensorRT engine for this graph, {key.gpu} and TensorRT {key.tensorrt} in {folder}; "
            f"build it here with: {how}"
        ) from None
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidFileError(f"{path}: {error}; build it again with: {how}") from None
    check_schema(note.schema, where=str(path.with_suffix(".json")))
    if note.key != key or sha256_of_bytes(plan) != note.plan_sha256:
        raise IntegrityError(f"{path} is not what was built; build it again with: {how}")
    return plan


def tensorrt_module() -> ModuleType:
    """Import TensorRT; raises `MissingDependencyError` with what brings it."""
    try:
        return importlib.import_module("tensorrt")
    except ImportError as error:
        raise MissingDependencyError(
            f"TensorRT can't be imported ({error}); pip install 'mvmono3d[tensorrt]' on a machine with an "
            "NVIDIA GPU and its driver, or use --engine onnxruntime"
        ) from None
