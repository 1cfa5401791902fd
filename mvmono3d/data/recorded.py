"""Clips of real recordings: 2D joints and a rig, without 3D labels."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.rig_file import METRES_PER_UNIT, read_rig
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.splits import NAMES, Splits
from mvmono3d.data.store import ClipStore
from mvmono3d.data.windows import cut_frames, windows
from mvmono3d.errors import ConfigurationError, unknown_name
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.formats.rig_scale import check_rig_scale

_LOG = logging.getLogger(__name__)
_BLOCKS = {"train": (0.0, 0.7), "val": (0.7, 0.85), "test": (0.85, 1.0)}
_HALVES = {"val": (0.0, 0.5), "test": (0.5, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One recording: files and what they don't say."""

    detections: str
    """Any file or folder that `mvmono3d reconstruct` reads."""
    rig: str
    units: str = "m"
    """Unit of the rig's translations: "m" or "mm"."""
    person: int | None = None
    rate_hz: float = 60.0
    """Used where the files state no time."""
    subject: str | None = None
    """Who is in it; recordings of one subject go into one split."""
    split: str | None = None
    """Where it belongs; without it the last recordings become validation and test."""


@dataclass(frozen=True, kw_only=True)
class RecordedClips:
    """Windows of recordings. Several recordings are split whole; a single one into blocks of time."""

    skeleton: Skeleton
    recordings: Sequence[Mapping[str, Any]]
    window_frames: int
    stride_frames: int
    gap_s: float
    """Time left out between the blocks of one recording: neighbours in time are near copies."""
    cache: Path | str

    @cached_property
    def parsed(self) -> tuple[Recording, ...]:
        """The recordings with their keys checked."""
        if not self.recordings:
            raise ConfigurationError(
                "no recordings: pass data.recordings='[{detections: PATH, rig: PATH, units: m}]'"
            )
        return tuple(_parse(entry, number) for number, entry in enumerate(self.recordings))

    @property
    def folder(self) -> Path:
        """Where the windows lie: a folder per state of the files and settings."""
        cutting = (self.window_frames, self.stride_frames, self.gap_s)
        stamps = [stamp for entry in self.parsed for stamp in _stamps(entry)]
        content = (SCHEMA_VERSION, self.skeleton, self.parsed, cutting, stamps)
        return Path(self.cache) / "recorded" / sha256_of_bytes(repr(content).encode())[:16]

    def prepare(self) -> None:
        """Read the recordings and cut them, unless the cache has them."""
        if (self.folder / "shared.json").is_file():
            return
        placed: dict[str, list[tuple[Clip, str]]] = {name: [] for name in NAMES}
        for name, clip, subject in self._blocks():
            cut = windows(clip, frames=self.window_frames, stride=self.stride_frames)
            placed[name] += [(window, subject) for window in cut]
        for name, found in placed.items():
            if not found:
                raise ConfigurationError(
                    f"no window of {self.window_frames} frames for split {name!r}: add recordings, or lower "
                    "data.window_frames or data.gap_s"
                )
        stores = {
            name: ClipStore.write(
                self.folder / name, [clip for clip, _ in found], subjects=[subject for _, subject in found]
            )
            for name, found in placed.items()
        }
        self._note_what_is_shared(stores)

    def open(self) -> Splits:
        """Open the three splits."""
        shared = json.loads((self.folder / "shared.json").read_text(encoding="utf-8"))
        stores = {name: ClipStore.open(self.folder / name) for name in NAMES}
        return Splits(train=stores["train"], val=stores["val"], test=stores["test"], shared=frozenset(shared))

    def _blocks(self) -> Iterator[tuple[str, Clip, str]]:
        entries = self.parsed
        subjects = [entry.subject or f"recording {number}" for number, entry in enumerate(entries)]
        if len(entries) == 1:
            yield from self._in_time(entries[0], _BLOCKS, subjects[0])
        elif any(entry.split for entry in entries):
            for entry, subject in zip(entries, subjects, strict=True):
                yield entry.split or "train", self._read(entry), subject
        elif len(entries) == 2:
            yield "train", self._read(entries[0]), subjects[0]
            yield from self._in_time(entries[1], _HALVES, subjects[1])
        else:
            names = ("train",) * (len(entries) - 2) + ("val", "test")
            for name, entry, subject in zip(names, entries, subjects, strict=True):
                yield name, self._read(entry), subject

    def _in_time(
        self, entry: Recording, blocks: Mapping[str, tuple[float, float]], subject: str
    ) -> Iterator[tuple[str, Clip, str]]:
        clip = self._read(entry)
        time_ns = np.asarray(clip.observations.time_ns)
        frames, step_s = len(time_ns), float(np.median(np.diff(time_ns))) / 1e9
        gap = round(self.gap_s / step_s)
        _LOG.warning(
            "%s is split into blocks of time with %.1f s left out between them: scores are for this actor, "
            "rig and session only",
            entry.detections,
            self.gap_s,
        )
        for name, (begin, end) in blocks.items():
            start = round(begin * frames) + (gap if begin > 0 else 0)
            yield name, cut_frames(clip, start, round(end * frames)), subject

    def _read(self, entry: Recording) -> Clip:
        rig = read_rig(Path(entry.rig), units=entry.units)
        check_rig_scale(rig, where=entry.rig)
        detections = read_any_detections(
            Path(entry.detections),
            skeleton=self.skeleton,
            views=rig.names,
            person=entry.person,
            rate_hz=entry.rate_hz,
        )
        return Clip(
            skeleton=self.skeleton, rig=rig.select(detections.views), observations=detections.observations
        )

    def _note_what_is_shared(self, stores: Mapping[str, ClipStore]) -> None:
        shared = []
        if len({rig for store in stores.values() for rig in store.rigs}) < len(stores):
            shared.append("rigs")
        if len(self.parsed) <= 2:
            shared.append("subjects")
        (self.folder / "shared.json").write_text(json.dumps(shared), encoding="utf-8")


def _parse(entry: Mapping[str, Any], number: int) -> Recording:
    where, known = f"data.recordings[{number}]", [field.name for field in fields(Recording)]
    for key in entry:
        if key not in known:
            raise unknown_name("key", str(key), known, where=where)
    for key in ("detections", "rig"):
        if not entry.get(key):
            raise ConfigurationError(f"{where}: no {key!r}; expected {{detections: PATH, rig: PATH}}")
    recording = Recording(**entry)
    if recording.units not in METRES_PER_UNIT:
        raise unknown_name("unit", recording.units, METRES_PER_UNIT, where=where)
    if recording.split is not None and recording.split not in NAMES:
        raise unknown_name("split", recording.split, NAMES, where=where)
    return recording


def _stamps(entry: Recording) -> Iterator[tuple[str, int, int]]:
    for path in (Path(entry.rig), Path(entry.detections)):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                stat = file.stat()
                yield str(file), stat.st_size, stat.st_mtime_ns
