"""One take: frame sets go from the ring to the recorder until it is enough; every one is accounted for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mvmono3d.deploy.capture.handle import CaptureHandle
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.from_ring import frame_set
from mvmono3d.deploy.recording.ledger import Account
from mvmono3d.deploy.recording.recorder import Health, Recorder
from mvmono3d.deploy.recording.writer import WriterState
from mvmono3d.deploy.ring.reader import RingReader, RingSet

_IDLE_S, _LOOK_S, _TELL_S = 0.001, 0.1, 1.0
_PATIENCE_S = 10.0
"""Without a frame set, a duration is over so much later."""


class Ending(Enum):
    """Why a take ended."""

    ENOUGH = "it was long enough"
    ASKED = "it was asked to"
    OVER = "the recording that was played is over"
    CAPTURE_FAILED = "the capture process failed"
    RECORDER_STOPPED = "the recorder stopped"

    @property
    def wanted(self) -> bool:
        """Whether that is how it should end."""
        return self in (Ending.ENOUGH, Ending.ASKED, Ending.OVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When it is enough; None: when somebody says so."""

    duration_s: float | None = None
    """From the first set on, by the rig's clock."""
    sets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A take at one moment."""

    seconds: float
    """By the rig's clock."""
    sets: int
    complete: int
    skipped: int
    """Sets that left the ring before they were read."""
    capture: CaptureHealth
    recorder: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A take that ended; made by `Take.run`."""

    ending: Ending
    progress: Progress
    account: Account


class Take:
    """Moves sets from one ring to one recorder; whoever made those two ends them."""

    def __init__(
        self,
        capture: CaptureHandle,
        recorder: Recorder,
        *,
        bits: int,
        limits: Limits,
        show: Callable[[FrameSet], None] | None = None,
        tell: Callable[[Progress], None],
    ) -> None:
        """Attach to the ring.

        Args:
            capture: The cameras' process.
            recorder: Whose cameras are named in the order of the capture's.
            bits: Of a pixel.
            limits: When it is enough.
            show: Is handed every set, once it is offered; must not take long.
            tell: Is called once a second.
        """
        self._capture, self._recorder, self._bits, self._limits = capture, recorder, bits, limits
        self._show, self._tell = show, tell
        self._reader = RingReader(capture.ring)
        self._reader.rewind()
        self._sets = self._complete = 0
        self._first_ns = self._last_ns = 0
        self._asked = False
        self._begin_s = self._looked_s = self._told_s = 0.0

    def ask_to_end(self) -> None:
        """Let the take end with the set in hand; may be called by a signal handler."""
        self._asked = True

    def run(self) -> Taken:
        """Record until it ends; returns when the recorder has written all of it."""
        ending = self._until_it_ends()
        account = self._recorder.stop()
        progress = self._progress()
        self._reader.close()
        return Taken(ending=ending, progress=progress, account=account)

    def _until_it_ends(self) -> Ending:
        self._begin_s = self._looked_s = self._told_s = time.monotonic()
        while True:
            ending = self._step(self._reader.next())
            if ending is not None:
                return ending

    def _step(self, found: RingSet | None) -> Ending | None:
        if found is None:
            over = self._over()
            if over is not None:
                return over
            time.sleep(_IDLE_S)
        else:
            frames = frame_set(found, cameras=self._recorder.cameras, bits=self._bits)
            if not self._within(frames):
                return Ending.ENOUGH
            self._take(frames)
        return self._judged(time.monotonic())

    def _judged(self, now_s: float) -> Ending | None:
        if now_s - self._told_s >= _TELL_S:
            self._told_s = now_s
            self._tell(self._progress())
        if self._asked:
            return Ending.ASKED
        if self._enough(now_s - self._begin_s):
            return Ending.ENOUGH
        if now_s - self._looked_s < _LOOK_S:
            return None
        self._looked_s = now_s
        records = self._recorder.health().state is WriterState.RECORDING
        return None if records else Ending.RECORDER_STOPPED

    def _within(self, frames: FrameSet) -> bool:
        duration_s, since_ns = self._limits.duration_s, frames.time_ns - self._first_ns
        return duration_s is None or not self._sets or since_ns < duration_s * 1e9

    def _enough(self, elapsed_s: float) -> bool:
        if self._limits.sets is not None and self._sets >= self._limits.sets:
            return True
        duration_s = self._limits.duration_s
        return duration_s is not None and elapsed_s > duration_s + _PATIENCE_S

    def _take(self, frames: FrameSet) -> None:
        if not self._sets:
            self._first_ns = frames.time_ns
        self._last_ns = max(self._last_ns, frames.time_ns)
        self._sets += 1
        self._complete += len(frames.frames) == len(self._recorder.cameras)
        self._recorder.offer(frames)
        if self._show is not None:
            self._show(frames)

    def _over(self) -> Ending | None:
        """Say why no set will come any more."""
        if self._capture.alive and not self._reader.closed:
            return None
        state = self._capture.health().state
        return Ending.CAPTURE_FAILED if state is CaptureState.FAILED else Ending.OVER

    def _progress(self) -> Progress:
        return Progress(
            seconds=(self._last_ns - self._first_ns) * 1e-9,
            sets=self._sets,
            complete=self._complete,
            skipped=self._reader.skipped,
            capture=self._capture.health(),
            recorder=self._recorder.health(),
        )
