"""Show a live stream: poses as they come, pictures and clouds where the rig sends them, orders on request."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import viser

from mvmono3d.deploy.client import Stream, connect
from mvmono3d.deploy.client.commands import set_roi
from mvmono3d.deploy.server.messages import Box, Hello
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.errors import StreamError
from mvmono3d.viewer.panel import status_lines
from mvmono3d.viewer.side_streams import SideStreams
from mvmono3d.viewer.stage import Stage

_DRAW_S, _PANEL_S = 1.0 / 30.0, 0.25
_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the stream is reached."""

    url: str
    control_token: str | None = None
    read_token: str | None = None
    certificate: Path | None = None
    patience_s: float = 30.0


class LiveView:
    """Reads the stream in this thread, pictures and clouds in two others."""

    def __init__(self, server: viser.ViserServer, access: Access) -> None:
        self._server, self._access = server, access
        self._ended = threading.Event()
        self._orders: SimpleQueue[Box] = SimpleQueue()
        self._hello: Hello | None = None
        self._frame: PoseFrame | None = None
        self._refusal = ""
        self._panel_due_s = 0.0

    def run(self, *, seconds: float | None = None, seen: Callable[[PoseFrame], None] | None = None) -> None:
        """Show until `stop` is called, or for some seconds; `seen` is told of every pose drawn.

        Raises `StreamError` where there is no stream, or none any more, for as long as the access is patient.
        """
        access = self._access
        end = None if seconds is None else time.monotonic() + seconds
        with (
            connect(
                access.url, control_token=access.control_token, read_token=access.read_token,
                certificate=access.certificate, patience_s=access.patience_s,
            ) as stream,
            SideStreams(access.url, read_token=access.read_token, certificate=access.certificate) as beside,
        ):  # fmt: skip
            stage: Stage | None = None
            while not self._ended.is_set() and (end is None or time.monotonic() < end):
                begin = time.monotonic()
                if stage is None or stream.hello != self._hello:
                    stage, self._hello = self._set_up(stream.hello), stream.hello
                self._step(stream, stage, beside, seen)
                time.sleep(max(0.0, _DRAW_S - (time.monotonic() - begin)))

    def stop(self) -> None:
        """End `run` soon."""
        self._ended.set()

    def order_region(self, region: Box) -> None:
        """Ask the rig to follow only what is in a box; what came of it stands in the panel."""
        self._orders.put(region)

    def _set_up(self, hello: Hello) -> Stage:
        """Draw everything anew: the loop was started again, perhaps with another rig."""
        if self._hello is not None:
            self._server.scene.reset()
            self._server.gui.reset()
        return Stage(
            self._server, hello, ordered=None if self._access.control_token is None else self.order_region
        )

    def _step(
        self,
        stream: Stream[PoseFrame],
        stage: Stage,
        beside: SideStreams,
        seen: Callable[[PoseFrame], None] | None,
    ) -> None:
        self._give_orders(stream, stage)
        frame = stream.receive(_POLL_S)
        if frame is not None:
            self._frame = frame
            stage.show(frame)
            if seen is not None:
                seen(frame)
        stage.show_beside(beside.images.take(), beside.clouds.take())
        now = time.monotonic()
        if now > self._panel_due_s:
            self._panel_due_s = now + _PANEL_S
            self._write(stream, stage)

    def _write(self, stream: Stream[PoseFrame], stage: Stage) -> None:
        frame = self._frame
        age_ms = None if frame is None else (time.monotonic_ns() - frame.published_ns) * 1e-6
        lines = status_lines(frame, stream.status, age_ms=age_ms, problem=stream.problem)
        stage.write([*lines, *([f"⚠ {self._refusal}"] if self._refusal else [])], stream.status)

    def _give_orders(self, stream: Stream[PoseFrame], stage: Stage) -> None:
        try:
            region = self._orders.get_nowait()
        except Empty:
            return
        try:
            stream.command(set_roi(region.center, region.size))
            self._refusal = ""
        except StreamError as error:
            self._refusal = str(error)
            stage.region.refused()
