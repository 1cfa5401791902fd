"""Writes frames into segments, begins new ones, and knows what became of each frame."""

import errno
import logging
import time
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvmono3d.deploy.recording.files import FileLayer, OsFiles
from mvmono3d.deploy.recording.frame_codec import encode_frame
from mvmono3d.deploy.recording.frame_header import FrameHeader
from mvmono3d.deploy.recording.ledger import Column, Ledger
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.segment import Segment
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.recording.side_messages import SideMessages
from mvmono3d.deploy.recording.syncer import Syncer
from mvmono3d.deploy.recording.topics import Topics
from mvmono3d.deploy.recording.watermark import Watermark

_LOG = logging.getLogger(__name__)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class WriterState(IntEnum):
    """Whether frames are being recorded."""

    STARTING = 0
    RECORDING = 1
    DISK_FULL = 2
    FAILED = 3
    STOPPED = 4


class NumberedFrame(NamedTuple):
    """A frame on its way into a segment."""

    header: FrameHeader
    image: np.ndarray


class RecordingWriter:
    """The recorder without its process; no I/O error leaves it, each is counted and said.

    `write`, `tick` and `close` belong to one thread. The folder and its `recording.toml` exist already.
    """

    def __init__(
        self,
        folder: Path,
        *,
        session: bytes,
        ledger: Ledger,
        settings: RecorderSettings | None = None,
        seal: Seal | None = None,
        files: FileLayer | None = None,
    ) -> None:
        self.state, self.message = WriterState.STARTING, ""
        self.settings = settings or RecorderSettings()
        self.topics = Topics(cameras=ledger.cameras, sealed=seal is not None)
        self._folder, self._session, self._ledger, self._seal = folder, session, ledger, seal
        self._files = files or OsFiles()
        self._syncer = Syncer(folder, files=self._files, interval_s=self.settings.sync_s)
        self._watermark = Watermark(self.settings)
        self._side = SideMessages(self.topics, settings=self.settings, seal=seal)
        self._segment: Segment | None = None
        self._leaving: list[Segment] = []
        self._number, self._broken = 0, 0
        self._sets, self._waits = 0, False
        self._opened_s = self._flushed_s = time.monotonic()
        self._recorded = np.zeros(len(ledger.cameras), dtype=np.int64)
        if self._enough_room():
            self._open()

    def write(self, frames: Sequence[NumberedFrame]) -> None:
        """Record a frame set, or count why not."""
        segment = self._ready()
        if segment is None:
            column = Column.DISK_FULL if self.state is WriterState.DISK_FULL else Column.IO_ERROR
            for frame in frames:
                self._ledger.count(column, frame.header.camera)
            return
        for frame in frames:
            segment.expect(frame.header.camera)
        try:
            for frame in frames:
                self._add(segment, frame)
            self._sets, self._waits = self._sets + 1, True
            if self._sets >= self.settings.flush_sets:
                self._flush(segment)
        except OSError as error:
            segment.error = segment.error or error
        self.tick()

    def write_message(self, topic: str, content: bytes, *, time_ns: int) -> bool:
        """Record a message beside the frames; returns False where it can't be."""
        segment = self._ready()
        if segment is None:
            return False
        try:
            self._side.add(segment, topic, content, time_ns=time_ns)
            self._waits = True
        except OSError as error:
            segment.error = segment.error or error
        return segment.error is None

    def tick(self) -> None:
        """Do what time asks for; to be called also when nothing comes."""
        segment, now = self._segment, time.monotonic()
        if segment is not None:
            try:
                if now - self._flushed_s >= self.settings.flush_s and self._waits:
                    self._flush(segment)
                self._rotate(segment, now)
            except OSError as error:
                segment.error = segment.error or error
            if segment.error is not None and segment is self._segment:
                self._leave(segment)
        self._reap()

    @property
    def free_bytes(self) -> int:
        """Room on the disk at the last look; 0 where it can't be told."""
        return self._syncer.free_bytes or 0

    @property
    def seconds_left(self) -> float:
        """How long the room lasts at the present rate; infinity while nothing was written."""
        return self._watermark.seconds_left(self.free_bytes)

    def close(self) -> None:
        """End the last segment and account for everything."""
        if self._segment is not None:
            self._finish(self._segment)
        self._syncer.close()
        for segment in self._leaving:
            segment.settled = True
        self._reap()
        if self.state is WriterState.RECORDING:
            self.state = WriterState.STOPPED

    def _add(self, segment: Segment, frame: NumberedFrame) -> None:
        header = frame.header
        segment.add(
            self.topics.frames(header.camera),
            encode_frame(header, frame.image, seal=self._seal),
            time_ns=header.time_ns,
            host_ns=header.host_ns,
            number=header.index,
        )
        self._side.preview(segment, header, frame.image)

    def _ready(self) -> Segment | None:
        if self._segment is None and self.state in {WriterState.STARTING, WriterState.RECORDING}:
            self._open()
        return self._segment

    def _open(self) -> None:
        try:
            segment = Segment(self._folder, self._number, topics=self.topics, files=self._files)
        except OSError as error:
            self._number += 1
            self._broke(error)
            return
        self._number += 1
        self._segment, self._sets, self._waits = segment, 0, False
        self._opened_s = self._flushed_s = time.monotonic()
        self.state = WriterState.RECORDING
        try:
            segment.begin({"session": self._session.hex()})
        except OSError as error:
            segment.error = error
            self._leave(segment)
            return
        self._syncer.follow(segment)

    def _flush(self, segment: Segment) -> None:
        self._side.account(segment, self._ledger.account())
        segment.flush()
        self._sets, self._waits, self._flushed_s = 0, False, time.monotonic()
        self._watermark.written(segment.number, segment.size_bytes)

    def _rotate(self, segment: Segment, now: float) -> None:
        if not self._syncer.alive:
            raise OSError(errno.EIO, "nothing syncs any more")
        large = segment.size_bytes >= self.settings.segment_bytes
        long = now - self._opened_s >= self.settings.segment_s and segment.added.any()
        if large or long or not self._enough_room():
            self._finish(segment)

    def _enough_room(self) -> bool:
        reason = self._watermark.reason_to_stop(self._syncer.free_bytes)
        if reason:
            self.state, self.message = WriterState.DISK_FULL, reason
            _LOG.error("recording stops: %s", reason)
        return not reason

    def _finish(self, segment: Segment) -> None:
        try:
            self._side.account(segment, self._ledger.account())
            segment.finish()
        except OSError as error:
            segment.error = segment.error or error
        self._leave(segment)

    def _leave(self, segment: Segment) -> None:
        self._segment = None
        self._leaving.append(segment)
        self._syncer.settle(segment)
        self._say(segment)

    def _say(self, segment: Segment) -> None:
        if segment.error is not None and not segment.error_said:
            segment.error_said = True
            self._broke(segment.error)

    def _broke(self, error: OSError) -> None:
        self._broken += 1
        if error.errno in _FULL:
            self.state = WriterState.DISK_FULL
        elif self._broken >= self.settings.attempts:
            self.state = WriterState.FAILED
        self.message = f"segment {self._number - 1}: {error.strerror or error}"
        _LOG.error("recording: %s (%s)", self.message, self.state.name.lower())

    def _reap(self) -> None:
        for segment in [segment for segment in self._leaving if segment.settled]:
            self._leaving.remove(segment)
            self._recorded = self._recorded + segment.synced
            self._say(segment)
            if segment.error is None:
                self._broken = 0
            full = segment.error is not None and segment.error.errno in _FULL
            for camera, frames in enumerate((segment.added - segment.synced).tolist()):
                self._ledger.count(Column.DISK_FULL if full else Column.IO_ERROR, camera, frames)
        safe = self._recorded + sum(
            (segment.synced for segment in (self._segment, *self._leaving) if segment is not None),
            start=np.zeros_like(self._recorded),
        )
        self._ledger.state(Column.RECORDED, safe)
