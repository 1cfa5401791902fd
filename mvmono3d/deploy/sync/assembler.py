"""Frames in, frame sets out: which frames were exposed by the same trigger pulse.

Frames are matched by time alone, on clocks whose offset and doubt are known; ids only tell whether a frame
is missing. Wherever the evidence speaks against a camera's clock its frames wait for a clock sample, and
are refused if none comes: a set may lack a frame, but never holds one of another pulse.
"""

from mvmono3d.deploy.sync.camera import Camera, State, give_up
from mvmono3d.deploy.sync.gathering import Gathering
from mvmono3d.deploy.sync.log import Log
from mvmono3d.deploy.sync.records import Cause, ClockSample, Frame, FrameStatus, Happening, Outcome
from mvmono3d.deploy.sync.settings import SyncSettings
from mvmono3d.deploy.sync.trust import Trust


class Assembler:
    """Brings frames of one pulse together; no threads, no clock of its own, no pixels.

    Sets leave in the order of time. Call `advance` at least every few milliseconds, and hand in a clock
    sample of every camera before its first frame, every second or so, and whenever `wanted` names it.
    """

    def __init__(self, settings: SyncSettings) -> None:
        self._settings = settings
        self._log = Log()
        self._cameras = [Camera(number, settings=settings) for number in range(settings.cameras)]
        self._gathering = Gathering(settings, cameras=self._cameras, log=self._log)
        self._trust = Trust(settings, cameras=self._cameras, gathering=self._gathering, log=self._log)

    def push(self, frame: Frame) -> Outcome:
        """Take a frame as it was delivered."""
        camera = self._cameras[frame.camera]
        if camera.state is State.LOST:
            camera.welcome(frame.host_ns)
            self._log.tell(camera.number, Happening.CAMERA_BACK, frame.host_ns)
        camera.heard_ns = frame.host_ns
        self._receive(camera, frame)
        return self.advance(frame.host_ns)

    def advance(self, host_ns: int) -> Outcome:
        """Let time pass: what waited long enough leaves."""
        for camera in self._cameras:
            if camera.waiting:
                camera.abandon(
                    self._log, Cause.UNSYNCHRONISED, until_host_ns=host_ns - self._settings.wait_ns
                )
        self._gathering.release(host_ns)
        while self._gathering.accused:
            self._trust.suspect(self._gathering.accused.pop(), host_ns, stepped=True)
        return self._log.take()

    def sample(self, camera: int, sample: ClockSample) -> Outcome:
        """Take a clock sample of a camera: it sets, confirms or contradicts its offset."""
        self._trust.sample(self._cameras[camera], sample)
        return self.advance(sample.host_after_ns)

    def wanted(self) -> tuple[int, ...]:
        """Return the cameras of which a clock sample is needed now."""
        return self._trust.wanted()

    def disconnect(self, camera: int, *, host_ns: int) -> Outcome:
        """Give a camera up: the others no longer wait for it. Its next frame brings it back."""
        give_up(self._cameras[camera], self._log, host_ns=host_ns)
        return self.advance(host_ns)

    def reconfigured(self) -> None:
        """Forget how long frames travel, after exposure time, image size or rate was changed."""
        for camera in self._cameras:
            camera.travel.forget()

    def drain(self) -> Outcome:
        """End: sets leave as they are, and frames that still need a clock sample are lost."""
        for camera in self._cameras:
            camera.abandon(self._log, Cause.STOPPED)
        self._gathering.release_all()
        return self._log.take()

    @property
    def states(self) -> tuple[State, ...]:
        """How far each camera's frames can be used."""
        return tuple(camera.state for camera in self._cameras)

    def in_hand(self) -> tuple[int, ...]:
        """Count the frames of each camera that were pushed and have not left yet."""
        return tuple(len(camera.waiting) + self._gathering.count(camera) for camera in self._cameras)

    def offset_ns(self, camera: int) -> int:
        """Return how far a camera's clock is ahead of the rig's."""
        return self._cameras[camera].clock.offset_ns

    def _receive(self, camera: Camera, frame: Frame) -> None:
        ids, device_ns = camera.ids, frame.device_ns
        number = ids.unwrap(frame.frame_id)
        if ids.repeated(number, device_ns):
            return self._log.lose(frame, Cause.DUPLICATE)
        if frame.status is FrameStatus.INCOMPLETE:
            # Its id stays missing: what such a buffer says of itself may be as damaged as its image.
            return self._log.lose(frame, Cause.INCOMPLETE)
        if ids.restarted(number, device_ns):
            ids.forget()
            self._log.tell(camera.number, Happening.IDS_RESTARTED, frame.host_ns)
        self._trust.judge(camera, frame, number)
        step = number - ids.newest if ids.times else 0
        ids.remember(number, device_ns)
        if camera.state is State.LOCKED:
            return self._gathering.place(camera, frame, step)
        camera.waiting.append((frame, step))
        return None
