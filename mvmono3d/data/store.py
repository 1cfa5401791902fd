"""Clips on disk: a folder of memory-mapped `.npy` files, one per array.

All clips of a store have the same number of frames, views and joints; clips of fewer cameras are padded
with cameras that detect nothing. The index names the skeleton, and each clip's subject and rig.
"""

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
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import parse_skeleton
from mvmono3d.data.array_folder import INDEX, open_array, read_index, verify_arrays, write_arrays
from mvmono3d.data.record_arrays import clip_from_arrays, named_arrays
from mvmono3d.data.skeleton_content import skeleton_content
from mvmono3d.errors import InvalidRecordError


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
        content = {
            "skeleton": skeleton_content(stacked.skeleton),
            "names": list(stacked.rig.names),
            "subjects": list(subjects),
            "rigs": list(rigs),
        }
        write_arrays(folder, named_arrays(stacked), content=content)
        return ClipStore.open(folder)

    @staticmethod
    def open(folder: Path) -> "ClipStore":
        """Open a store; raises `InvalidFileError` when it is absent or its index is not one."""
        index, content_hash = read_index(folder, kind="clip store")
        return ClipStore(
            folder=folder,
            skeleton=parse_skeleton(index["skeleton"], where=str(folder / INDEX)),
            names=tuple(index["names"]),
            subjects=tuple(index["subjects"]),
            rigs=tuple(index["rigs"]),
            hash=content_hash,
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
        return {name: open_array(self.folder, name, each) for name, each in self.arrays.items()}

    def verify(self) -> None:
        """Compare every file with its hash; raises `InvalidFileError` at the first that differs."""
        verify_arrays(self.folder, self.arrays)


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
