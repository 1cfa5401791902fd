"""Records what it is offered, in a process of its own; offering never waits for anything.

recorder = start_recorder(folder, cameras=names, consent=consent, purpose="gait study")
recorder.offer(frame_set)
account = recorder.stop()
"""

import datetime
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.recording.consent import Consent, check_consent
from mvmono3d.deploy.recording.description import Description, new_description, write_description
from mvmono3d.deploy.recording.exchange import Exchange, anonymous_memory
from mvmono3d.deploy.recording.files import OsFiles
from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.frame_header import HEADER_BYTES, header_of
from mvmono3d.deploy.recording.ledger import Account, Column, Ledger
from mvmono3d.deploy.recording.messages import JointsMessage, joints_json, poses_json
from mvmono3d.deploy.recording.process import Order
from mvmono3d.deploy.recording.seal import new_seal
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.recording.wire import frame_parts, message_parts
from mvmono3d.deploy.recording.writer import WriterState
from mvmono3d.errors import RecordingError, unknown_name

_LOG = logging.getLogger(__name__)
_START_S, _STOP_S, _POLL_S = 60.0, 60.0, 0.005
_MODULE = "mvmono3d.deploy.recording.process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the recorder is."""

    state: WriterState
    alive: bool
    message: str
    """Its last complaint; empty where there was none."""
    account: Account
    queue_fill: float
    """Share of the queue that waits."""
    free_bytes: int
    seconds_left: float
    """How long the disk lasts at this rate."""
    short_of_room: bool
    """Whether that is less than the settings warn of."""


class Recorder:
    """The producer's end; made by `start_recorder`, used by one thread."""

    def __init__(
        self, folder: Path, description: Description, settings: RecorderSettings, *, key: bytes | None
    ) -> None:
        self.folder, self.cameras, self.settings = folder, description.cameras, settings
        self._numbers = {camera: number for number, camera in enumerate(self.cameras)}
        self._session = description.session_bytes
        handle, slot_bytes = anonymous_memory(), HEADER_BYTES + settings.frame_bytes
        self._exchange = Exchange(
            handle, cameras=len(self.cameras), slots=settings.queue_frames, slot_bytes=slot_bytes
        )
        self._ledger = Ledger(self.cameras, self._exchange.counts)
        self._stopped = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE], stdin=subprocess.PIPE, pass_fds=[handle]
        )
        order = Order(
            folder=str(folder.resolve()),
            handle=handle,
            slots=settings.queue_frames,
            slot_bytes=slot_bytes,
            settings=settings,
            key=key,
        )
        self._pipe = self._process.stdin
        if self._pipe is not None:
            self._pipe.write(msgspec.json.encode(order) + b"\n")
            self._pipe.flush()
        os.close(handle)

    @property
    def process_id(self) -> int:
        """Of the recorder's process."""
        return self._process.pid

    def offer(self, frames: FrameSet) -> bool:
        """Queue a frame set, at once; returns whether all of it waits now. What doesn't is counted.

        Raises `UnknownNameError` for a camera that the recording doesn't have.
        """
        cameras = [self._number(frame.camera) for frame in frames.frames]
        first = [int(self._exchange.counts[camera, Column.OFFERED]) for camera in cameras]
        for camera in cameras:
            self._ledger.count(Column.OFFERED, camera)
        fits = [frame.image.nbytes <= self.settings.frame_bytes for frame in frames.frames]
        for camera, fitting in zip(cameras, fits, strict=True):
            if not fitting:
                self._ledger.count(Column.TOO_LARGE, camera)
        kept = [number for number, fitting in enumerate(fits) if fitting]
        cause = Column.QUEUE_FULL if self._takes_frames() else Column.NOT_RECORDING
        if cause is Column.QUEUE_FULL:
            parts = [
                frame_parts(
                    header_of(
                        frames.frames[number],
                        frames,
                        session=self._session,
                        camera=cameras[number],
                        index=first[number],
                    ),
                    frames.frames[number].image,
                )
                for number in kept
            ]
            if self._exchange.queue.put(parts):
                return all(fits)
        for number in kept:
            self._ledger.count(cause, cameras[number])
        return False

    def offer_joints(self, *messages: JointsMessage) -> bool:
        """Queue the answer for a frame set, one message an actor, at once; returns whether it waits now."""
        if not messages or not self._takes_frames():
            return False
        contents = [("/poses", poses_json(*messages)), *(("/joints", joints_json(each)) for each in messages)]
        group = [message_parts(topic, content, time_ns=messages[0].time_ns) for topic, content in contents]
        fits = all(sum(map(len, parts)) <= self._exchange.queue.slot_bytes for parts in group)
        return fits and self._exchange.queue.put(group)

    def health(self) -> Health:
        """Say how the recorder is, without asking it anything."""
        alive = self._process.poll() is None
        state = WriterState(self._exchange.state)
        left = self._exchange.seconds_left
        return Health(
            state=state,
            alive=alive,
            message=self._complaint(alive=alive),
            account=self._ledger.account(),
            queue_fill=self._exchange.queue.used / self._exchange.queue.slots,
            free_bytes=self._exchange.free_bytes,
            seconds_left=left,
            short_of_room=left < self.settings.warn_below_s,
        )

    def stop(self, *, timeout_s: float = _STOP_S) -> Account:
        """Let the recorder write what waits and end; returns what became of every frame."""
        self._stopped = True
        if self._pipe is not None:
            self._pipe.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _LOG.error("the recorder did not end within %g s and is killed", timeout_s)
            self._process.kill()
            self._process.wait()
        for camera, frames in enumerate(self._ledger.account().waiting):
            self._ledger.count(Column.RECORDER_GONE, camera, frames)
        account = self._ledger.account()
        if account.lost_total:
            _LOG.warning("%s: %s", self.folder, account.describe())
        return account

    def await_start(self, timeout_s: float = _START_S) -> None:
        """Return once it records; raises `RecordingError` where it doesn't."""
        deadline = time.monotonic() + timeout_s
        while self._exchange.state == WriterState.STARTING and self._process.poll() is None:
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        if not self._takes_frames():
            complaint = self._complaint(alive=self._process.poll() is None) or f"no answer in {timeout_s:g} s"
            self.stop(timeout_s=1.0)
            raise RecordingError(f"{self.folder}: can't record: {complaint}")

    def _takes_frames(self) -> bool:
        if self._stopped or self._exchange.state != WriterState.RECORDING:
            return False
        return self._process.poll() is None

    def _complaint(self, *, alive: bool) -> str:
        if alive or self._stopped or self._exchange.message:
            return self._exchange.message
        return f"the recorder's process ended with code {self._process.returncode}"

    def _number(self, camera: str) -> int:
        if camera not in self._numbers:
            raise unknown_name("camera", camera, self.cameras, where=f"recording {self.folder}")
        return self._numbers[camera]


def start_recorder(
    folder: Path,
    *,
    cameras: tuple[str, ...],
    consent: Consent | None,
    purpose: str,
    recipients: tuple[str, ...] = (),
    rig: Path | None = None,
    settings: RecorderSettings | None = None,
    now: datetime.datetime | None = None,
) -> Recorder:
    """Begin a recording in a new folder; returns when frames can be offered.

    Args:
        folder: Must not exist, or be empty.
        cameras: In this order everywhere.
        consent: Checked before anything is written; raises `ConsentError`.
        purpose: What this recording is for; the consent must be for the same.
        recipients: age recipients (age1…) who can open it; none: it isn't encrypted.
        rig: A `rig.toml` to keep with it.
        settings: Of the recorder.
        now: For tests.

    Raises `RecordingError` where the folder is taken or nothing can be written.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    agreed = check_consent(consent, purpose=purpose, today=now.date())
    seal = new_seal() if recipients else None
    description = new_description(cameras, agreed, seal=seal, recipients=recipients, now=now)
    _prepare(folder, description, rig)
    recorder = Recorder(
        folder, description, settings or RecorderSettings(), key=None if seal is None else seal.key
    )
    recorder.await_start()
    return recorder


def record(frame_sets: Iterable[FrameSet], recorder: Recorder) -> Account:
    """Offer frame sets until they end, or somebody interrupts; returns what became of every frame."""
    try:
        for frames in frame_sets:
            recorder.offer(frames)
    except KeyboardInterrupt:
        _LOG.info("interrupted: the recording is ended")
    finally:
        account = recorder.stop()
    return account


def _prepare(folder: Path, description: Description, rig: Path | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RecordingError(f"{folder} is not empty; a recording needs a folder of its own")
        OsFiles().sync_folder(folder.resolve().parent)
        if rig is not None:
            with atomic_write(folder / "rig.toml") as file:
                file.write(rig.read_bytes())
        write_description(folder, description)
    except OSError as error:
        raise RecordingError(f"{folder}: can't record there: {error.strerror or error}") from None
