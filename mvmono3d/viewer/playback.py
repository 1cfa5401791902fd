"""Show a file: a timeline, play and pause, and the whole scene as one HTML page."""

import threading
import time

import numpy as np
import viser

from mvmono3d.deploy.server.pose_frame import PoseFrame, reprojection_rms_px
from mvmono3d.errors import InvalidFileError
from mvmono3d.viewer.overlay import with_joints
from mvmono3d.viewer.panel import Panel
from mvmono3d.viewer.scene import PoseScene, extent_of
from mvmono3d.viewer.take import ViewedTake

_PANEL_S = 0.2
_PICTURES_S = 0.1
_HTML_HZ = 30.0


class Playback:
    """Plays a take on a viser server."""

    def __init__(self, server: viser.ViserServer, take: ViewedTake) -> None:
        if not take.frames:
            raise InvalidFileError(f"{take.name} has no frames: there is nothing to view")
        self._take, self._ended = take, threading.Event()
        self._time_s = (take.time_ns - take.time_ns[0]) * 1e-9
        self.scene = PoseScene(server, list(take.skeleton.parents))
        aim, extent = extent_of(_first_seen(take.frames))
        if take.rig is not None:
            self.scene.add_cameras(take.rig, aim_world=aim)
        self.scene.look_at(aim, extent_m=extent, rig=take.rig)
        self._panel = Panel(server, views=list(take.views), joints=list(take.skeleton.joints), live=False)
        for time_s, frame in zip(self._time_s.tolist(), take.frames, strict=True):
            self._panel.reprojection.add(time_s, reprojection_rms_px(frame.actors))
        self._panel.draw_curves()
        self._slider = server.gui.add_slider("frame", 0, max(1, len(take.frames) - 1), 1, 0)
        self._play = server.gui.add_checkbox("play", initial_value=True)
        self._speed = server.gui.add_slider("speed", 0.1, 2.0, 0.1, 1.0)
        self._slider.on_update(lambda _: self.show(self._slider.value))
        self._panel_due_s = self._pictures_due_s = 0.0
        self._moment_s = 0.0
        self.show(0)

    def show(self, number: int) -> None:
        """Draw one frame."""
        frame = self._take.frames[number]
        self.scene.ellipsoids = self._panel.show_ellipsoids.value
        self.scene.show(frame)
        self._moment_s = float(self._time_s[number])
        now = time.monotonic()
        if now > self._panel_due_s or not self._play.value:
            self._panel_due_s = now + _PANEL_S
            self._panel.show(frame)
            self._panel.write([f"**{self._take.name}**, frame {number}, {self._moment_s:.2f} s"])
        if self._take.pictures is not None and (now > self._pictures_due_s or not self._play.value):
            self._pictures_due_s = now + _PICTURES_S
            if self._take.rig is not None:
                for view, image in self._take.pictures(number):
                    drawn = with_joints(
                        image, frame, self._take.rig, view=view, parents=list(self._take.skeleton.parents)
                    )
                    self.scene.show_image(view, drawn)

    def run(self, *, seconds: float | None = None) -> None:
        """Play in a loop until `stop` is called, or for some seconds."""
        end = None if seconds is None else time.monotonic() + seconds
        before = time.monotonic()
        while not self._ended.is_set() and (end is None or time.monotonic() < end):
            now = time.monotonic()
            if self._play.value:
                self._moment_s += (now - before) * self._speed.value
                if self._moment_s > self._time_s[-1]:
                    self._moment_s = 0.0
                number = int(np.searchsorted(self._time_s, self._moment_s, side="right")) - 1
                # Setting the slider draws the frame.
                moment, self._slider.value = self._moment_s, max(0, number)
                self._moment_s = moment
            before = now
            time.sleep(1 / 60)

    def stop(self) -> None:
        """End `run` soon."""
        self._ended.set()

    def html(self, *, seconds: float = 10.0) -> str:
        """Return a page that plays the beginning of the take, without any server."""
        recorder = self.scene.server.get_scene_serializer()
        shown_s = -1.0
        for number, time_s in enumerate(self._time_s.tolist()):
            if time_s > seconds:
                break
            if time_s - shown_s < 0.9 / _HTML_HZ:
                continue
            self.scene.show(self._take.frames[number])
            recorder.insert_sleep(time_s - max(shown_s, 0.0))
            shown_s = time_s
        return recorder.as_html()


def _first_seen(frames: tuple[PoseFrame, ...]) -> PoseFrame:
    """Return the first frame with an actor, where there is one."""
    return next((frame for frame in frames if any(actor.present.any() for actor in frame.actors)), frames[0])
