"""Reads a recording: frame sets in the order of time, by index, and the joints beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from jaxtyping import Float, Int

from mvmono3d.deploy.recording.description import Description, read_description
from mvmono3d.deploy.recording.frame import Frame, FrameSet, FrameStatus
from mvmono3d.deploy.recording.frame_codec import decode_frame
from mvmono3d.deploy.recording.messages import JointsMessage
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.segment import UNFINISHED, segment_number
from mvmono3d.deploy.recording.segment_reader import SegmentReader
from mvmono3d.deploy.recording.side_messages import open_message
from mvmono3d.deploy.recording.topics import Topics
from mvmono3d.errors import CorruptRecordingError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Where each frame is, in the order of time; frames of one set are neighbours."""

    time_ns: Int[np.ndarray, " frame"]
    camera: Int[np.ndarray, " frame"]
    segment: Int[np.ndarray, " frame"]
    message: Int[np.ndarray, " frame"]
    begins: Int[np.ndarray, " bound"]
    """First frame of each set, and the end of the last."""


class Recording:
    """A recording that was ended or recovered; made by `open_recording`."""

    def __init__(
        self,
        folder: Path,
        description: Description,
        segments: tuple[SegmentReader, ...],
        *,
        seal: Seal | None,
    ) -> None:
        self.folder, self.description = folder, description
        self._segments, self._seal = segments, seal
        self._topics = Topics(cameras=description.cameras, sealed=description.encryption is not None)
        self._table = _table(segments, self._topics)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras, in order."""
        return self.description.cameras

    @property
    def time_ns(self) -> Int[np.ndarray, " set"]:
        """Of each frame set, rig clock."""
        return self._table.time_ns[self._table.begins[:-1]]

    def __len__(self) -> int:
        return len(self._table.begins) - 1

    def __iter__(self) -> Iterator[FrameSet]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> FrameSet:
        """Read a frame set.

        Raises `CorruptRecordingError` where a byte of it is wrong, and `RecordingKeyError` where it is
        encrypted and there is no key.
        """
        if not -len(self) <= number < len(self):
            raise IndexError(f"frame set {number} of {len(self)}")
        number %= len(self)
        rows = range(int(self._table.begins[number]), int(self._table.begins[number + 1]))
        read = [self._frame(row) for row in rows]
        return FrameSet(
            number=read[0][0],
            time_ns=int(self._table.time_ns[rows[0]]),
            frames=tuple(frame for _, frame in read),
        )

    def first_frame(self, camera: str) -> Frame | None:
        """Read a camera's first frame; None where it has none. Raises as reading a frame set does."""
        rows = np.flatnonzero(self._table.camera == self.cameras.index(camera))
        return self._frame(int(rows[0]))[1] if len(rows) else None

    def joints(self) -> Iterator[JointsMessage]:
        """Yield the recorded answers in the order of the files."""
        for segment in self._segments:
            for number in segment.of_topic("/joints").tolist():
                message = segment.message(number)
                content = open_message(message, topics=self._topics, seal=self._seal, where=str(segment.path))
                yield _joints(content, segment.path)

    def _frame(self, row: int) -> tuple[int, Frame]:
        segment = self._segments[int(self._table.segment[row])]
        message = segment.message(int(self._table.message[row]))
        where = f"{segment.path}, message {int(self._table.message[row])}"
        header, image = decode_frame(message.data, seal=self._seal, where=where)
        expected = (
            self.description.session_bytes,
            int(self._table.camera[row]),
            int(self._table.time_ns[row]),
        )
        if (header.session, header.camera, header.time_ns) != expected:
            raise CorruptRecordingError(f"{where}: the frame is another one than the index names")
        return header.set_number, Frame(
            camera=self.cameras[header.camera],
            frame_id=header.frame_id,
            pulse_id=header.pulse_id,
            device_ns=header.device_ns,
            host_ns=header.host_ns,
            exposure_ns=header.exposure_ns,
            gain_db=header.gain_db,
            status=FrameStatus(header.status),
            bits=header.bits,
            image=image,
        )


def open_recording(folder: Path, *, identity: str | None = None) -> Recording:
    """Open a recording; `identity` (AGE-SECRET-KEY-1…) opens an encrypted one.

    Raises `InvalidFileError` where this is no recording, and `CorruptRecordingError` where it has to be
    recovered first.
    """
    description = read_description(folder)
    numbered = {path: segment_number(path) for path in folder.iterdir() if path.is_file()}
    paths = sorted((number, path) for path, number in numbered.items() if number is not None)
    unfinished = [path.name for _, path in paths if path.name.endswith(UNFINISHED)]
    if unfinished:
        raise CorruptRecordingError(
            f"{folder}: {unfinished[0]} was not finished; `mvmono3d recover {folder}` keeps what is right"
        )
    seal = description.seal(identity, where=str(folder))
    return Recording(folder, description, tuple(SegmentReader(path) for _, path in paths), seal=seal)


def _table(segments: tuple[SegmentReader, ...], topics: Topics) -> _Table:
    parts: list[Int[np.ndarray, "frame 4"]] = [np.zeros((0, 4), dtype=np.int64)]
    for number, segment in enumerate(segments):
        for camera, name in enumerate(topics.cameras):
            messages = segment.of_topic(f"/cameras/{name}/frames")
            times = segment.offsets.time_ns[messages]
            parts.append(np.stack(np.broadcast_arrays(times, camera, number, messages), axis=-1))
    rows = np.concatenate(parts)
    # A time that comes twice, after a step of the clock, makes two sets: the n-th of each camera is the n-th.
    again = _occurrence(rows[:, 0], rows[:, 1])
    order = np.lexsort((rows[:, 1], again, rows[:, 0]))
    rows, again = rows[order], again[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(rows[:, 0]) != 0) | (np.diff(again) != 0)
    return _Table(
        time_ns=rows[:, 0],
        camera=rows[:, 1],
        segment=rows[:, 2],
        message=rows[:, 3],
        begins=np.append(np.flatnonzero(new), len(rows)),
    )


def _occurrence(
    time_ns: Int[np.ndarray, " frame"], camera: Int[np.ndarray, " frame"]
) -> Int[np.ndarray, " frame"]:
    order = np.lexsort((time_ns, camera))
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (np.diff(time_ns[order]) == 0) & (np.diff(camera[order]) == 0)
    place = np.arange(len(order))
    run_begins = np.maximum.accumulate(np.where(same, 0, place)) if len(order) else place
    occurrence = np.empty(len(order), dtype=np.int64)
    occurrence[order] = place - run_begins
    return occurrence


class _Joints(msgspec.Struct, frozen=True):
    time_ns: str
    skeleton: str
    joints: tuple[str, ...]
    points_world: list[tuple[float, float, float]]
    source: list[int]
    actor: int = 0
    covariance_world: list[tuple[float, float, float, float, float, float]] | None = None


def _full(upper: list[tuple[float, float, float, float, float, float]]) -> Float[np.ndarray, "joint 3 3"]:
    return np.asarray(upper, dtype=np.float64).reshape(-1, 6)[:, ((0, 1, 2), (1, 3, 4), (2, 4, 5))]


def _joints(content: bytes, path: Path) -> JointsMessage:
    try:
        read = msgspec.json.decode(content, type=_Joints)
        return JointsMessage(
            time_ns=int(read.time_ns),
            skeleton=read.skeleton,
            joints=read.joints,
            points_world=np.asarray(read.points_world, dtype=np.float64).reshape(-1, 3),
            source=np.asarray(read.source, dtype=np.int64),
            actor=read.actor,
            covariance_world=None if read.covariance_world is None else _full(read.covariance_world),
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptRecordingError(f"{path}: joints that can't be read: {error}") from None
