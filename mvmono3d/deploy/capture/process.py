"""The capture process: owns the cameras and the ring, until it is asked to end or its starter is gone.

Started by `mvmono3d.deploy.capture.handle`, which writes the settings as one line on its input.
"""

import gc
import logging
import os
import select
import signal
import sys
import time
from types import FrameType

import msgspec

from mvmono3d.deploy.cameras.sources import backend_of
from mvmono3d.deploy.capture.board import Board
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.capture.session import Capture
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.errors import MVMono3DError

_LOG = logging.getLogger(__name__)
_IDLE_S, _REST_S = 0.0001, 0.001
"""Between two looks at the cameras, while a frame may come at any time, and while none is due."""
_BOARD_S = 0.02
_PARENT_S = 0.1
_SWITCH_S = 0.0005
"""How long a thread that connects a camera may hold up the one that polls."""


class _Input:
    """Orders, and whether to end: a signal, the end of the input, or whoever started this process is gone."""

    def __init__(self) -> None:
        self._parent, self._next_s, self._signalled = os.getppid(), 0.0, False
        self._rest = b""

    def signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signalled = True

    @property
    def orphaned(self) -> bool:
        """Say whether nobody is left who started this."""
        return os.getppid() != self._parent

    def first_line(self) -> bytes:
        """Wait for the first line; unbuffered, so that `select` sees the others."""
        while b"\n" not in self._rest and (content := os.read(0, 1 << 16)):
            self._rest += content
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def orders(self, now_s: float) -> list[Lighting]:
        """Return how the cameras are to be lit, as told since the last look."""
        if now_s < self._next_s:
            return []
        self._next_s = now_s + _PARENT_S
        if select.select([0], [], [], 0)[0]:
            content = os.read(0, 1 << 16)
            self._signalled |= not content
            self._rest += content
        self._signalled |= self.orphaned
        *lines, self._rest = self._rest.split(b"\n")
        return [msgspec.json.decode(line, type=Lighting) for line in lines]

    @property
    def ended(self) -> bool:
        """Say whether to end."""
        return self._signalled


def main() -> int:
    """Capture; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="capture: %(message)s", stream=sys.stderr)
    # Ctrl-C reaches the whole group; whoever started this one decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = _Input()
    signal.signal(signal.SIGTERM, told.signal)
    settings = msgspec.json.decode(told.first_line(), type=CaptureSettings)
    try:
        board = Board(settings.ring)
    except MVMono3DError as error:
        _LOG.error("%s", error)
        return error.exit_code
    code = _capture(settings, board, told)
    # Whoever started this one reads the last words, then removes them.
    if told.orphaned:
        board.remove()
    return code


def _capture(settings: CaptureSettings, board: Board, told: _Input) -> int:
    board.write(CaptureHealth(pid=os.getpid(), state=CaptureState.STARTING))
    if settings.realtime:
        _go_first()
    try:
        _run(Capture(settings, backend_of(settings.source), pid=os.getpid()), board, told)
    except MVMono3DError as error:
        _LOG.error("%s", error)
        board.write(CaptureHealth(pid=os.getpid(), state=CaptureState.FAILED, message=str(error)))
        return error.exit_code
    return 0


def _go_first() -> None:
    """Run before all ordinary processes; threads that producers start later do so too."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        _LOG.warning("no right to real-time priority: other programs can hold capture up (ulimit -r 1)")


def _run(capture: Capture, board: Board, told: _Input) -> None:
    try:
        capture.open()
        # What was loaded stays; looking through it again and again would cost milliseconds.
        gc.freeze()
        sys.setswitchinterval(_SWITCH_S)
        _repeat(capture, board, told)
    finally:
        capture.close()
    board.write(capture.health(CaptureState.ENDED))


def _repeat(capture: Capture, board: Board, told: _Input) -> None:
    written_s = 0.0
    while not capture.ended:
        busy, now_s = capture.step(), time.monotonic()
        if busy or now_s - written_s >= _BOARD_S:
            board.write(capture.health(CaptureState.RUNNING))
            written_s = now_s
        for lighting in told.orders(now_s):
            capture.light(lighting)
        if told.ended:
            return
        if not busy:
            time.sleep(_REST_S if capture.resting else _IDLE_S)


if __name__ == "__main__":
    sys.exit(main())
