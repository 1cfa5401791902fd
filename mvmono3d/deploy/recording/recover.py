"""Mends a recording after a crash, a power loss or bad bits: what is right is kept, the rest is named."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from mvmono3d.deploy.recording.description import Description, read_description
from mvmono3d.deploy.recording.files import OsFiles
from mvmono3d.deploy.recording.salvage import Salvaged, salvage_frames, salvage_messages
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.segment import UNFINISHED, Segment, segment_name, segment_number
from mvmono3d.deploy.recording.segment_file import check_data
from mvmono3d.deploy.recording.segment_reader import SegmentReader
from mvmono3d.deploy.recording.topics import Topics
from mvmono3d.errors import CorruptRecordingError

DAMAGED = "damaged"
WORKSHOP = ".recovering"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """What was done to a segment."""

    name: str
    reason: str
    """What was wrong; empty where nothing was."""
    frames: int
    """That it has now."""

    @property
    def mended(self) -> bool:
        """Whether it was written anew."""
        return bool(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraReport:
    """What is there of a camera."""

    camera: str
    kept: int
    missing: tuple[tuple[int, int], ...]
    """First and last index of every gap, up to the last frame that is known to have been offered."""
    counted: int
    """How many of the missing the recorder itself counted as lost; 0 where it had no time to say."""

    @property
    def lost(self) -> int:
        """Frames missing."""
        return sum(last - first + 1 for first, last in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """What `recover` found and did."""

    segments: tuple[SegmentReport, ...]
    cameras: tuple[CameraReport, ...]
    ended: bool
    """Whether the recorder came to its end; if not, frames after the last one kept are unknown."""
    seconds: float

    @property
    def mended(self) -> int:
        """Segments written anew."""
        return sum(segment.mended for segment in self.segments)


def recover(folder: Path, *, identity: str | None = None, quick: bool = False) -> RecoveryReport:
    """Check every segment, write those anew that are unfinished or damaged, and say what is missing.

    The damaged files stay, in `damaged/`. A recovery that is interrupted is simply done again.

    Args:
        folder: A recording.
        identity: age identity; with it, encrypted frames are opened as a check. Mending needs none.
        quick: Trust finished segments without reading them.

    Raises `InvalidFileError` where `recording.toml` is not there, and `OSError` where mending finds no room.
    """
    begin = time.monotonic()
    description = read_description(folder)
    seal = description.seal(identity, where=str(folder))
    topics = Topics(cameras=description.cameras, sealed=description.encryption is not None)
    kept: list[list[int]] = [[] for _ in topics.cameras]
    reports = [
        _recovered(path, description, topics, seal=seal, quick=quick, kept=kept) for path in _segments(folder)
    ]
    shutil.rmtree(folder / WORKSHOP, ignore_errors=True)
    return RecoveryReport(
        segments=tuple(reports),
        cameras=tuple(
            _camera(number, description, np.asarray(sorted(kept[number]), dtype=np.int64))
            for number in range(len(topics.cameras))
        ),
        ended=description.ending is not None,
        seconds=time.monotonic() - begin,
    )


def _segments(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if segment_number(path) is not None and path.is_file()]
    # An unfinished file beside a finished one of its number is a recovery that was interrupted.
    parts = {segment_number(path) for path in found if path.name.endswith(UNFINISHED)}
    chosen = [path for path in found if path.name.endswith(UNFINISHED) or segment_number(path) not in parts]
    return sorted(chosen, key=lambda path: segment_number(path) or 0)


def _recovered(
    path: Path,
    description: Description,
    topics: Topics,
    *,
    seal: Seal | None,
    quick: bool,
    kept: list[list[int]],
) -> SegmentReport:
    before = sum(map(len, kept))
    try:
        if path.name.endswith(UNFINISHED):
            raise CorruptRecordingError(f"{path}: it was not finished")
        _note_frames(path, topics, quick=quick, kept=kept)
        reason = ""
    except CorruptRecordingError as error:
        reason = str(error)
        _mend(path, description, topics, seal=seal, kept=kept)
    return SegmentReport(name=path.name, reason=reason, frames=sum(map(len, kept)) - before)


def _note_frames(path: Path, topics: Topics, *, quick: bool, kept: list[list[int]]) -> None:
    if not quick:
        check_data(path)
    reader = SegmentReader(path)
    numbers = [reader.of_topic(f"/cameras/{camera}/frames") for camera in topics.cameras]
    # All of them first: a file that breaks on the way is mended, and then counted.
    headers = [reader.headers(camera) for camera in numbers]
    for camera, found in enumerate(headers):
        kept[camera] += [header.index for header in found]


def _mend(
    path: Path, description: Description, topics: Topics, *, seal: Seal | None, kept: list[list[int]]
) -> None:
    folder, number = path.parent, segment_number(path) or 0
    workshop = folder / WORKSHOP
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir()
    segment = Segment(workshop, number, topics=topics, files=OsFiles())
    try:
        segment.begin({"session": description.session, "recovered": "yes"})
        found: list[list[int]] = [[] for _ in topics.cameras]
        for message in _salvaged(path, description, topics, seal=seal):
            if message.header is not None:
                found[message.header.camera].append(message.header.index)
            segment.add(
                message.channel,
                message.data,
                time_ns=message.time_ns,
                host_ns=message.host_ns,
                number=message.number,
            )
        segment.finish()
        segment.publish()
    finally:
        segment.give_up()
    _replace(path, segment.path if any(found) else None)
    for camera, indexes in enumerate(found):
        kept[camera] += indexes


def _salvaged(
    path: Path, description: Description, topics: Topics, *, seal: Seal | None
) -> Iterator[Salvaged]:
    yield from salvage_frames(path, session=description.session_bytes, topics=topics, seal=seal)
    yield from salvage_messages(path, topics=topics)


def _replace(path: Path, mended: Path | None) -> None:
    """Put the mended file in the place of a damaged one; done again after a crash, it ends the same."""
    folder, files = path.parent, OsFiles()
    (folder / DAMAGED).mkdir(exist_ok=True)
    keep = _free_name(folder / DAMAGED / path.name)
    final = folder / segment_name(segment_number(path) or 0)
    if path != final and mended is not None:
        files.rename(mended, final)
        files.sync_folder(folder)
    elif mended is not None:
        _second_name(path, keep)
        files.sync_folder(folder / DAMAGED)
        files.rename(mended, final)
    if path != final or mended is None:
        files.rename(path, keep)
    files.sync_folder(folder / DAMAGED)
    files.sync_folder(folder)


def _second_name(path: Path, other: Path) -> None:
    try:
        other.hardlink_to(path)
    except OSError:
        # Not every file system has hard links.
        shutil.copy2(path, other)


def _free_name(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number, free = number + 1, path.with_name(f"{path.name}.{number}")
    return free


def _camera(number: int, description: Description, kept: Int[np.ndarray, " frame"]) -> CameraReport:
    ending = description.ending
    offered = int(kept[-1]) + 1 if kept.size else 0
    if ending is not None and number < len(ending.offered):
        offered = max(offered, ending.offered[number])
    # -1 and `offered` stand for the frames before the first and after the last.
    present = np.concatenate([[-1], kept, [offered]])
    after = np.flatnonzero(np.diff(present) > 1)
    gaps = tuple((int(present[gap]) + 1, int(present[gap + 1]) - 1) for gap in after)
    counted = 0 if ending is None else sum(frames[number] for frames in ending.lost.values())
    return CameraReport(camera=description.cameras[number], kept=len(kept), missing=gaps, counted=counted)
