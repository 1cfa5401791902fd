"""Clips on disk: a folder of memory-mapped `.npy` files, one per array, and `store.json`.

All clips of a store have the same number of frames, views and joints; clips of fewer cameras are padded
with cameras that detect nothing. `store.json` names the arrays, the skeleton, each clip's subject and
rig, and a hash per file.
"""

import json
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mvmono3d.core.array import Array
from mvmono3d.core.camera import Camera
from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionLabels, OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.core.schema import (
    SCHEMA_VERSION,
    atomic_write,
    check_schema,
    sha256_of_bytes,
    sha256_of_file,
)
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import parse_skeleton
from mvmono3d.data.record_arrays import clip_from_arrays, named_arrays
from mvmono3d.data.skeleton_content import skeleton_content
from mvmono3d.errors import InvalidFileError, InvalidRecordError

_INDEX = "store.json"


@dataclass(frozen=True, kw_only=True)
class ClipStore:
    """Clips of equal shape; indexing reads one of them from disk."""

    folder: Path
    skeleton: Skeleton
    names: tuple[str, ...]
    """Names of the cameras: the `view` axis of every clip."""
    subjects: tuple[str, ...]
    """Who is in each clip."""
    rigs: tuple[str, ...]
    """Which rig saw each clip."""
    hash: str
    """SHA-256 over the content of all files."""
    arrays: dict[str, dict[str, Any]]
    """Shape, dtype and SHA-256 of each file."""

    @staticmethod
    def write(
        folder: Path,
        clips: Iterable[Clip],
        *,
        subjects: Sequence[str] | None = None,
        rigs: Sequence[str] | None = None,
    ) -> "ClipStore":
        """Write clips as a store that appears whole or not at all, and open it.

        Without `subjects` all clips count as one subject; without `rigs` a rig is known by its hash.
        """
        numpy_clips = [clip.map(np.asarray) for clip in clips]
        rigs = [clip.rig.hash for clip in numpy_clips] if rigs is None else rigs
        subjects = ["unknown"] * len(numpy_clips) if subjects is None else subjects
        if not len(subjects) == len(rigs) == len(numpy_clips):
            raise InvalidRecordError(f"{len(numpy_clips)} clips, {len(subjects)} subjects, {len(rigs)} rigs")
        stacked = Clip.stack(_equal(numpy_clips))
        temporary = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
        temporary.mkdir(parents=True)
        try:
            _write_files(temporary, stacked, subjects=subjects, rigs=rigs)
            _publish(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return ClipStore.open(folder)

    @staticmethod
    def open(folder: Path) -> "ClipStore":
        """Open a store; raises `InvalidFileError` when it is absent or its index is not one."""
        try:
            content = (folder / _INDEX).read_bytes()
            index = json.loads(content)
        except OSError as error:
            raise InvalidFileError(f"no clip store in {folder}: {error.strerror}") from None
        except ValueError as error:
            raise InvalidFileError(f"{folder / _INDEX} is not JSON: {error}; make the store again") from None
        check_schema(index.get("schema"), where=str(folder / _INDEX))
        return ClipStore(
            folder=folder,
            skeleton=parse_skeleton(index["skeleton"], where=str(folder / _INDEX)),
            names=tuple(index["names"]),
            subjects=tuple(index["subjects"]),
            rigs=tuple(index["rigs"]),
            hash=sha256_of_bytes(content),
            arrays=index["arrays"],
        )

    def __len__(self) -> int:
        return len(self.subjects)

    def __getitem__(self, index: int) -> Clip:
        return clip_from_arrays(
            self._files, lambda array: np.array(array[index]), skeleton=self.skeleton, names=self.names
        )

    @cached_property
    def _files(self) -> dict[str, np.ndarray]:
        return {name: self._file(name) for name in self.arrays}

    def _file(self, name: str) -> np.ndarray:
        path, expected = self.folder / f"{name}.npy", self.arrays[name]
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InvalidFileError(
                f"{path} is unreadable: {error}; delete {self.folder} and try again"
            ) from None
        got = {"shape": list(array.shape), "dtype": str(array.dtype)}
        if got != {key: expected[key] for key in got}:
            raise InvalidFileError(f"{path}: {got}, expected {expected}; delete {self.folder} and try again")
        return array

    def verify(self) -> None:
        """Compare every file with its hash; raises `InvalidFileError` at the first that differs."""
        for name, expected in self.arrays.items():
            path = self.folder / f"{name}.npy"
            if sha256_of_file(path) != expected["sha256"]:
                raise InvalidFileError(f"{path} has changed since it was written; delete {self.folder}")


def pad_views(clip: Clip, views: int) -> Clip:
    """Add cameras that detect nothing until the clip has that many views."""
    missing = views - len(clip.rig.names)
    if missing <= 0:
        return clip
    observations, occlusion = clip.observations, clip.occlusion
    return replace(
        clip,
        rig=_pad_rig(clip.rig, missing),
        observations=replace(
            observations,
            pixels=_pad(observations.pixels, missing, axis=-3),
            confidence=_pad(observations.confidence, missing, axis=-2),
            detected=_pad(observations.detected, missing, axis=-2),
            sigma_px=None
            if observations.sigma_px is None
            else _pad(observations.sigma_px, missing, axis=-2, value=1),
        ),
        occlusion=None if occlusion is None else _pad_labels(occlusion, missing),
    )


def _pad_labels(labels: OcclusionLabels, missing: int) -> OcclusionLabels:
    return OcclusionLabels(
        state=_pad(labels.state, missing, axis=-2, value=int(OcclusionState.UNKNOWN)),
        labelled=_pad(labels.labelled, missing, axis=-2),
    )


def _pad_rig(rig: Rig, missing: int) -> Rig:
    def repeat_last(array: Array) -> Array:
        return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])

    camera: Camera = rig.camera.map(repeat_last)
    return Rig(
        camera=camera,
        camera_from_world=repeat_last(rig.camera_from_world),
        pose_sigma=repeat_last(rig.pose_sigma),
        names=(*rig.names, *(f"absent_{index}" for index in range(missing))),
    )


def _pad(array: Array, missing: int, *, axis: int, value: int = 0) -> Array:
    shape = list(array.shape)
    shape[axis] = missing
    return np.concatenate([array, np.full(shape, value, dtype=array.dtype)], axis=axis)


def _equal(clips: list[Clip]) -> list[Clip]:
    views = max((len(clip.rig.names) for clip in clips), default=0)
    padded = [pad_views(_single(clip), views) for clip in clips]
    if len({clip.rig.names for clip in padded}) > 1:
        names = tuple(f"cam_{view:02d}" for view in range(views))
        padded = [replace(clip, rig=replace(clip.rig, names=names)) for clip in padded]
    frames = {clip.observations.pixels.shape[0] for clip in padded}
    if len(frames) > 1:
        raise InvalidRecordError(
            f"clips of {sorted(frames)} frames; cut them into windows of one length first"
        )
    return padded


def _single(clip: Clip) -> Clip:
    """Return the clip in float32, with a rig whose free text can't differ from clip to clip."""
    plain = replace(clip, rig=replace(clip.rig, metadata=()))
    return plain.map(lambda array: array.astype(np.float32) if array.dtype.kind == "f" else array)


def _write_files(folder: Path, stacked: Clip, *, subjects: Sequence[str], rigs: Sequence[str]) -> None:
    arrays = {}
    for name, array in named_arrays(stacked):
        path = folder / f"{name}.npy"
        np.save(path, array, allow_pickle=False)
        arrays[name] = {
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "sha256": sha256_of_file(path),
        }
    index = {
        "schema": SCHEMA_VERSION,
        "skeleton": skeleton_content(stacked.skeleton),
        "names": list(stacked.rig.names),
        "subjects": list(subjects),
        "rigs": list(rigs),
        "arrays": arrays,
    }
    with atomic_write(folder / _INDEX) as file:
        file.write(json.dumps(index, indent=1).encode())


def _publish(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        # Another process was faster: its store is as good as this one. Anything else is in the way.
        if not (folder / _INDEX).is_file():
            raise InvalidFileError(f"{folder} exists and is not a clip store; delete or rename it") from None
