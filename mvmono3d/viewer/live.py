"""Show a live stream: poses as they come, pictures and clouds where the rig sends them, orders on request."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import cv2
import numpy as np
import viser

from mvmono3d.deploy.client import Stream, connect, connect_clouds, connect_images
from mvmono3d.deploy.client.commands import set_roi
from mvmono3d.deploy.server.convert import rig_of
from mvmono3d.deploy.server.messages import Box, ClientMessage
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.errors import StreamError
from mvmono3d.viewer.panel import Panel, status_lines
from mvmono3d.viewer.scene import PoseScene, extent_of

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
        self._orders: SimpleQueue[ClientMessage] = SimpleQueue()
        self._problem = ""
        self._panel_due_s = 0.0

    def run(self, *, seconds: float | None = None, seen: Callable[[PoseFrame], None] | None = None) -> None:
        """Show until `stop` is called, or for some seconds; `seen` is told of every pose drawn."""
        access = self._access
        end = None if seconds is None else time.monotonic() + seconds
        with connect(
            access.url, control_token=access.control_token, read_token=access.read_token,
            certificate=access.certificate, patience_s=access.patience_s,
        ) as stream:  # fmt: skip
            scene, panel = self._set_up(stream)
            threads = [threading.Thread(target=work, args=(scene,)) for work in (self._images, self._clouds)]
            for thread in threads:
                thread.start()
            try:
                while not self._ended.is_set() and (end is None or time.monotonic() < end):
                    self._step(stream, scene, panel, seen)
            finally:
                self._ended.set()
                for thread in threads:
                    thread.join()

    def stop(self) -> None:
        """End `run` soon."""
        self._ended.set()

    def _set_up(self, stream: Stream[PoseFrame]) -> tuple[PoseScene, Panel]:
        hello, rig = stream.hello, rig_of(stream.hello)
        scene = PoseScene(self._server, hello.skeleton.parents)
        panel = Panel(self._server, views=list(rig.names), joints=hello.skeleton.joints)
        first = stream.receive(self._access.patience_s)
        aim, extent = (np.zeros(3), 0.3) if first is None else extent_of(first)
        scene.add_cameras(rig, aim_world=aim)
        scene.look_at(aim, extent_m=extent)
        region = stream.status.roi if stream.status is not None else None
        x, y, z = (float(value) for value in aim)
        side = 1.5 * extent
        default = Box(center=(x, y, z), size=(side, side, side))
        orders = None if self._access.control_token is None else self._order_region
        scene.add_region(region or default, moved=orders)
        return scene, panel

    def _order_region(self, region: Box) -> None:
        self._orders.put(set_roi(region.center, region.size))

    def _step(
        self,
        stream: Stream[PoseFrame],
        scene: PoseScene,
        panel: Panel,
        seen: Callable[[PoseFrame], None] | None,
    ) -> None:
        begin = time.monotonic()
        self._give_orders(stream)
        frame = stream.receive(_POLL_S)
        age_ms = None
        if frame is not None:
            age_ms = (time.monotonic_ns() - frame.published_ns) * 1e-6
            scene.regions = panel.show_regions.value
            scene.show(frame)
            panel.latency.add(time.monotonic(), frame.metrics.latency_ms or age_ms)
            panel.reprojection.add(time.monotonic(), frame.metrics.reprojection_rms_px)
            if seen is not None:
                seen(frame)
        if begin > self._panel_due_s:
            self._panel_due_s = begin + _PANEL_S
            panel.write([*status_lines(frame, stream.status, age_ms=age_ms), self._problem])
            panel.draw_curves()
            if frame is not None:
                panel.show(frame)
        time.sleep(max(0.0, _DRAW_S - (time.monotonic() - begin)))

    def _give_orders(self, stream: Stream[PoseFrame]) -> None:
        try:
            order = self._orders.get_nowait()
        except Empty:
            return
        try:
            stream.command(order)
            self._problem = ""
        except StreamError as error:
            self._problem = f"⚠ {error}"

    def _images(self, scene: PoseScene) -> None:
        access = self._access
        with connect_images(
            access.url, read_token=access.read_token, certificate=access.certificate
        ) as stream:
            names = [camera.name for camera in stream.hello.rig.cameras]
            while not self._ended.is_set():
                message = stream.receive(_POLL_S)
                for each in () if message is None else message.images:
                    image = cv2.imdecode(np.frombuffer(each.jpeg, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
                    if image is not None and each.camera in names:
                        scene.show_image(names.index(each.camera), image.astype(np.uint8))

    def _clouds(self, scene: PoseScene) -> None:
        access = self._access
        with connect_clouds(
            access.url, read_token=access.read_token, certificate=access.certificate
        ) as stream:
            while not self._ended.is_set():
                cloud = stream.receive(_POLL_S)
                if cloud is not None:
                    scene.show_cloud(cloud)
