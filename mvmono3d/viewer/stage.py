"""Scene and panel of a live stream, as its hello describes the rig."""

import time
from collections import deque
from collections.abc import Callable

import cv2
import numpy as np
import viser

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.server.convert import rig_of
from mvmono3d.deploy.server.messages import Box, CameraImage, Cloud, Hello, Images, Status
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.viewer.outlook import watched_point
from mvmono3d.viewer.overlay import between, with_joints
from mvmono3d.viewer.panel import Panel
from mvmono3d.viewer.region import RegionControl
from mvmono3d.viewer.scene import PoseScene

_EXTENT_SHARE = 0.35
"""Size of an actor, of its distance from the cameras, before one was seen."""
_REMEMBERED = 90
_APART_NS = 300_000_000
"""Between poses that are farther apart nobody knows where the joints were."""


class Stage:
    """What is drawn of one rig."""

    def __init__(
        self, server: viser.ViserServer, hello: Hello, *, ordered: Callable[[Box], None] | None
    ) -> None:
        """Draw the empty rig; `ordered` is told of a region that was moved by hand."""
        self._rig, self._parents = rig_of(hello), hello.skeleton.parents
        aim = watched_point(self._rig)
        extent_m = _EXTENT_SHARE * _distance_m(self._rig, aim)
        self._scene = PoseScene(server, self._parents)
        self._scene.add_cameras(self._rig, aim_world=aim)
        self._scene.look_at(aim, extent_m=extent_m, rig=self._rig)
        self._panel = Panel(server, views=list(self._rig.names), joints=hello.skeleton.joints, live=True)
        x, y, z = (float(value) for value in aim)
        side = round(2.0 * extent_m, 2)
        self.region = RegionControl(
            server, proposal=Box(center=(x, y, z), size=(side, side, side)), ordered=ordered
        )
        self._frames: deque[PoseFrame] = deque(maxlen=_REMEMBERED)
        self._images: Images | None = None

    def show(self, frame: PoseFrame) -> None:
        """Draw a pose."""
        self._frames.append(frame)
        self._scene.ellipsoids = self._panel.show_ellipsoids.value
        self._scene.show(frame)
        now = time.monotonic()
        if self._panel.latency is not None:
            self._panel.latency.add(now, frame.metrics.latency_ms)
        self._panel.reprojection.add(now, frame.metrics.reprojection_rms_px)

    def show_beside(self, images: Images | None, cloud: Cloud | None) -> None:
        """Draw pictures, each with the pose of its own moment as soon as that is there, and a cloud."""
        self._images = images or self._images
        if cloud is not None:
            self._scene.show_cloud(cloud)
        if self._images is None or (self._frames and self._frames[-1].time_ns < self._images.t_ns):
            return
        frame = self._frame_at(self._images.t_ns)
        for image in self._images.images:
            self._show_image(image, frame)
        self._images = None

    def write(self, lines: list[str], status: Status | None) -> None:
        """Bring the panel, and the region, up to date."""
        self._panel.write(lines)
        self._panel.draw_curves()
        if self._frames:
            self._panel.show(self._frames[-1])
        if status is not None:
            self.region.follow(status.roi)

    def _frame_at(self, time_ns: int) -> PoseFrame | None:
        """Return the pose of a moment, from those before and after it; `None` where they are far from it."""
        before = next((each for each in reversed(self._frames) if each.time_ns <= time_ns), None)
        after = next((each for each in self._frames if each.time_ns >= time_ns), None)
        if before is None or after is None or after.time_ns - before.time_ns > _APART_NS:
            return None
        return between(before, after, time_ns)

    def _show_image(self, image: CameraImage, frame: PoseFrame | None) -> None:
        grey = cv2.imdecode(np.frombuffer(image.jpeg, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
        if grey is None or image.camera not in self._rig.names:
            return
        view = self._rig.names.index(image.camera)
        drawn = with_joints(
            np.asarray(grey, dtype=np.uint8), frame, self._rig, view=view, parents=self._parents
        )
        self._scene.show_image(view, drawn)


def _distance_m(rig: Rig, aim: np.ndarray) -> float:
    centres = camera_centres(np.asarray(rig.camera_from_world))
    return float(np.median(np.linalg.norm(centres - aim, axis=1)))
