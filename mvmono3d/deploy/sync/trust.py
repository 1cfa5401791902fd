"""Whose clock can be trusted: what speaks against it, and what a clock sample proves."""

from mvmono3d.deploy.sync.camera import Camera, State
from mvmono3d.deploy.sync.clock import HostClock, usable
from mvmono3d.deploy.sync.gathering import Gathering
from mvmono3d.deploy.sync.log import Log
from mvmono3d.deploy.sync.records import Cause, ClockSample, Frame, Happening
from mvmono3d.deploy.sync.settings import SyncSettings


class Trust:
    """Suspects clocks, and sets or confirms them by samples."""

    __slots__ = ("_cameras", "_delay", "_gathering", "_host", "_log", "_settings")

    def __init__(
        self, settings: SyncSettings, *, cameras: list[Camera], gathering: Gathering, log: Log
    ) -> None:
        self._settings, self._cameras, self._gathering, self._log = settings, cameras, gathering, log
        self._host = HostClock(max_drift_ppm=settings.max_drift_ppm)
        self._delay: tuple[int, int] | None = None
        """Camera and host time of the last delayed frame: what delays several cameras is the host."""

    def judge(self, camera: Camera, frame: Frame, number: int) -> None:
        """Suspect the camera's clock where this frame, of this unwrapped id, contradicts it."""
        ids, device_ns = camera.ids, frame.device_ns
        if not ids.ordered(number, device_ns):
            return self.suspect(camera, frame.host_ns, stepped=True)
        if camera.state is not State.LOCKED:
            return None
        travel_ns = frame.host_ns - device_ns + camera.clock.offset_ns
        if camera.travel.impossible(travel_ns):
            return self.suspect(camera, frame.host_ns, stepped=camera.travel.settled)
        too_long_unknown = camera.clock.doubt_at(device_ns) > self._settings.doubt_ns
        if too_long_unknown or (camera.travel.delayed(travel_ns) and self._alarming(camera, frame, number)):
            return self.suspect(camera, frame.host_ns)
        return None

    def _alarming(self, camera: Camera, frame: Frame, number: int) -> bool:
        """Say whether a delayed frame speaks of a clock that jumped back, rather than of a queue."""
        ids, device_ns = camera.ids, frame.device_ns
        steps = number - ids.newest if ids.times else 1
        verified = camera.verified_ns is not None and device_ns <= camera.verified_ns
        if steps < 0 or verified:
            return False
        alone = self._delay is None or self._delay[0] == camera.number or (
            frame.host_ns - self._delay[1] > self._settings.apart_ns
        )  # fmt: skip
        self._delay = (camera.number, frame.host_ns)
        # Where the ids went further than the time allows no queue of the host explains it.
        crowded = device_ns - ids.newest_ns < steps * self._settings.period_ns - self._settings.apart_ns
        return alone or (bool(ids.times) and crowded)

    def suspect(self, camera: Camera, host_ns: int, *, stepped: bool = False) -> None:
        """Let a camera's frames wait for a clock sample; `stepped`: those from before are worthless."""
        if camera.state is State.LOCKED:
            camera.state, camera.since_ns, camera.stepped = State.SUSPECT, host_ns, False
            self._log.tell(camera.number, Happening.SYNC_LOST, host_ns)
        if stepped:
            camera.stepped, camera.since_ns = True, host_ns
            camera.abandon(self._log, Cause.UNSYNCHRONISED)
            camera.begin_epoch()
            self._gathering.expel(camera)

    def sample(self, camera: Camera, sample: ClockSample) -> None:
        """Take a clock sample: it sets, confirms or contradicts the camera's offset."""
        if camera.state is State.LOST or self._stale(camera, sample):
            return
        if not usable(sample, doubt_ns=self._settings.doubt_ns):
            self._log.tell(camera.number, Happening.SAMPLE_REFUSED, sample.host_after_ns)
        elif camera.state is State.LOCKED and not self._lead_known(sample):
            self._host.learn(sample, offset_ns=camera.clock.offset_ns)
        elif self._lead_known(sample) or self._restart(sample):
            self._compare(camera, sample)

    def _stale(self, camera: Camera, sample: ClockSample) -> bool:
        return camera.state is State.SUSPECT and sample.host_before_ns < camera.since_ns

    def _lead_known(self, sample: ClockSample) -> bool:
        return self._host.known and self._host.doubt_at(sample.host_after_ns) <= self._settings.doubt_ns // 2

    def _restart(self, sample: ClockSample) -> bool:
        """Tie the rig's clock to the host's anew where no camera's clock holds it any more."""
        if any(camera.state is State.LOCKED for camera in self._cameras):
            return False
        self._host.start(sample.host_before_ns)
        for camera in self._cameras:
            camera.travel.forget()
        return True

    def _compare(self, camera: Camera, sample: ClockSample) -> None:
        offset_ns, doubt_ns = self._host.offset_of(sample)
        slack_ns = camera.clock.doubt_at(sample.device_ns) + self._settings.tolerance_ns
        holds = abs(camera.clock.offset_ns - offset_ns) <= doubt_ns + slack_ns
        if doubt_ns > self._settings.doubt_ns:
            self._log.tell(camera.number, Happening.SAMPLE_REFUSED, sample.host_after_ns)
        elif camera.state is not State.UNKNOWN and holds and not camera.stepped:
            self._confirm(camera, sample, offset_ns=offset_ns, doubt_ns=doubt_ns)
        else:
            if camera.state is State.LOCKED:
                self.suspect(camera, sample.host_after_ns, stepped=True)
            self._gathering.expel(camera)
            camera.clock.set(offset_ns=offset_ns, doubt_ns=doubt_ns, device_ns=sample.device_ns)
            self._lock(camera, sample, Happening.SYNC_REGAINED)

    def _confirm(self, camera: Camera, sample: ClockSample, *, offset_ns: int, doubt_ns: int) -> None:
        clock = camera.clock
        self._host.learn(sample, offset_ns=clock.offset_ns)
        if doubt_ns < clock.doubt_at(sample.device_ns):
            within_ns = min(max(clock.offset_ns, offset_ns - doubt_ns), offset_ns + doubt_ns)
            clock.set(offset_ns=within_ns, doubt_ns=doubt_ns, device_ns=sample.device_ns)
        if camera.state is State.SUSPECT:
            self._lock(camera, sample, Happening.SYNC_CONFIRMED)
        camera.verified_ns = sample.device_ns

    def _lock(self, camera: Camera, sample: ClockSample, happening: Happening) -> None:
        camera.state, camera.stepped = State.LOCKED, False
        camera.since_ns, camera.verified_ns = sample.host_after_ns, sample.device_ns
        self._log.tell(camera.number, happening, sample.host_after_ns)
        for frame, step in camera.take_waiting():
            travel_ns = frame.host_ns - frame.device_ns + camera.clock.offset_ns
            if happening is Happening.SYNC_REGAINED and camera.travel.impossible(travel_ns):
                self._log.lose(frame, Cause.UNSYNCHRONISED)
            else:
                self._gathering.place(camera, frame, step)

    def wanted(self) -> tuple[int, ...]:
        """Return the cameras of which a clock sample is needed now."""
        lacking = (State.SUSPECT, State.UNKNOWN)
        return tuple(
            camera.number
            for camera in self._cameras
            if camera.state in lacking or (camera.state is State.LOCKED and not self._host.known)
        )
