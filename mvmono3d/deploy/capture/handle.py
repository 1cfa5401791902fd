"""Starts a capture process, asks how it is, and ends it.

with start_capture(settings) as capture:
    reader = RingReader(capture.ring)
    ...
    capture.health()
"""

import logging
import subprocess
import sys
import time
from contextlib import suppress
from types import TracebackType

import msgspec

from mvmono3d.deploy.capture.board import BoardReader, remove_board
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.ring.memory import path_of, remove_ring
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.errors import CameraError, InvalidFileError

_LOG = logging.getLogger(__name__)
_MODULE = "mvmono3d.deploy.capture.process"
_START_S, _STOP_S, _POLL_S = 120.0, 20.0, 0.01


class CaptureHandle:
    """The starter's end of a capture process; made by `start_capture`."""

    def __init__(self, settings: CaptureSettings) -> None:
        self.ring = settings.ring
        """Name of the ring that it writes."""
        self.period_ns = settings.cameras.period_ns
        """Least time between two trigger pulses."""
        self._board: BoardReader | None = None
        self._removed = False
        self._process = subprocess.Popen([sys.executable, "-m", _MODULE], stdin=subprocess.PIPE)
        self._pipe = self._process.stdin
        if self._pipe is not None:
            self._pipe.write(msgspec.json.encode(settings) + b"\n")
            self._pipe.flush()

    @property
    def pid(self) -> int:
        """Of the capture process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Say whether the process runs; it ends by itself with a recording, or where it fails."""
        return self._process.poll() is None

    def health(self) -> CaptureHealth:
        """Return how it is, or how it was last; asks the process nothing."""
        self._look()
        if self._board is None:
            return CaptureHealth(pid=self.pid, state=CaptureState.STARTING)
        health = self._board.read()
        if self.alive or health.state in (CaptureState.ENDED, CaptureState.FAILED):
            return health
        died = f"the capture process ended with code {self._process.returncode}"
        return msgspec.structs.replace(health, state=CaptureState.FAILED, message=died)

    def light(self, lighting: Lighting) -> None:
        """Set exposure, gain and strobe of all cameras within a tenth of a second; `health` tells."""
        if self._pipe is None or self._pipe.closed:
            return
        with suppress(BrokenPipeError):
            self._pipe.write(msgspec.json.encode(lighting) + b"\n")
            self._pipe.flush()

    def stop(self, *, timeout_s: float = _STOP_S) -> CaptureHealth:
        """Let what waits leave, end the process and return its last health; safe to call twice."""
        if self._pipe is not None:
            self._pipe.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _LOG.error("the capture process did not end within %g s and is killed", timeout_s)
            self._process.kill()
            self._process.wait()
        health = self.health()
        if self._board is not None and not self._removed:
            self._removed = True
            remove_ring(self.ring)
            remove_board(self.ring)
        return health

    def await_start(self, timeout_s: float = _START_S) -> None:
        """Return once it captures; raises `CameraError` where it doesn't."""
        deadline_s = time.monotonic() + timeout_s
        state = self._look()
        while state is CaptureState.STARTING and self.alive and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
            state = self._look()
        if state in (CaptureState.RUNNING, CaptureState.ENDED):
            return
        late = self.alive and state is CaptureState.STARTING
        if late:
            self._process.kill()
        health = self.stop()
        if late:
            raise CameraError(
                f"no capture: its cameras were not armed within {timeout_s:g} s, and it was ended; what they "
                "waited for may stand on the standard error, `mvmono3d doctor --rig` looks for more"
            )
        raise CameraError(f"no capture: {health.message or 'the reason stands on the standard error'}")

    def _look(self) -> CaptureState:
        """Return the state; the board of another process, from before, is not ours."""
        if self._board is None:
            try:
                board = BoardReader(self.ring)
                self._board = board if board.read().pid == self.pid else None
            except InvalidFileError:
                return CaptureState.STARTING
        return CaptureState.STARTING if self._board is None else self._board.read().state

    def __enter__(self) -> "CaptureHandle":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_capture(settings: CaptureSettings, *, timeout_s: float = _START_S) -> CaptureHandle:
    """Start a capture process; returns once its cameras are armed.

    Raises `CameraError` where that fails, with the reason.
    """
    check_free(settings.ring)
    handle = CaptureHandle(settings)
    handle.await_start(timeout_s)
    return handle


def check_free(ring: str) -> None:
    """Refuse the ring of a capture process that lives; raises `InvalidFileError` for an impossible name."""
    path_of(ring)
    try:
        reader = RingReader(ring)
    except InvalidFileError:
        return
    with reader:
        if reader.writer_lives:
            raise CameraError(
                f"no capture: the ring {ring!r} has a writer already; stop that, or choose another name"
            )
