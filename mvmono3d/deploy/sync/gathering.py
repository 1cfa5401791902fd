"""Open frame sets: frames meet by time, complete sets leave, rivals are told apart."""

from mvmono3d.deploy.sync.camera import Camera, State, give_up
from mvmono3d.deploy.sync.log import Log
from mvmono3d.deploy.sync.open_set import OpenSet, insert, nearest
from mvmono3d.deploy.sync.records import Absence, Cause, Frame
from mvmono3d.deploy.sync.settings import SyncSettings


class Gathering:
    """The sets that still wait for frames, in the order of time."""

    __slots__ = ("_all", "_cameras", "_left_ns", "_log", "_number", "_open", "_settings", "accused")

    def __init__(self, settings: SyncSettings, *, cameras: list[Camera], log: Log) -> None:
        self._settings, self._cameras, self._log = settings, cameras, log
        self._all = (1 << settings.cameras) - 1
        self._open: list[OpenSet] = []
        self._left_ns: int | None = None
        self._number = 0
        self.accused: list[Camera] = []
        """Cameras whose frames the others contradicted; whoever judges clocks empties it."""

    def place(self, camera: Camera, frame: Frame, step: int) -> None:
        """Put a frame of a camera whose clock is known to the others of its pulse."""
        time_ns = frame.device_ns - camera.clock.offset_ns
        doubt_ns = camera.clock.doubt_at(frame.device_ns)
        if step >= 0:
            camera.advance(time_ns, travel_ns=frame.host_ns - time_ns, contiguous=step == 1)
        meeting = nearest(self._open, time_ns)
        if meeting is not None and abs(meeting.time_ns - time_ns) <= self._gate_ns(doubt_ns, meeting):
            if meeting.mask & camera.bit:
                return self._log.lose(frame, Cause.DOUBLE_TRIGGER)
            meeting.add(frame, time_ns)
        elif camera.placed_ns is not None and abs(time_ns - camera.placed_ns) < self._settings.apart_ns:
            return self._log.lose(frame, Cause.DOUBLE_TRIGGER)
        elif self._left_ns is not None and time_ns < self._left_ns + self._settings.apart_ns:
            return self._log.lose(frame, Cause.LATE)
        else:
            founded = OpenSet(time_ns, doubt_ns=doubt_ns, host_ns=frame.host_ns)
            founded.add(frame, time_ns)
            insert(self._open, founded)
        camera.placed_ns = time_ns
        return None

    def release(self, host_ns: int) -> None:
        """Let the sets leave that are complete, or for which nothing more is to be hoped."""
        while self._open:
            first = self._open[0]
            if first.mask != self._all:
                overdue = host_ns - first.first_host_ns >= self._settings.wait_ns
                rival = self._rival(first)
                if not overdue and self._hoping(first, rival, host_ns):
                    return
                if rival is not None:
                    self._settle(first, rival)
                    continue
            self._leave(first, host_ns)

    def release_all(self) -> None:
        """Let every set leave as it is."""
        if self._open:
            self.release(max(each.first_host_ns for each in self._open) + self._settings.wait_ns)

    def expel(self, camera: Camera) -> None:
        """Take a camera's frames out of the open sets: they may lie on the wrong pulses."""
        for each in [each for each in self._open if each.mask & camera.bit]:
            self._log.lose(each.remove(camera.number), Cause.UNSYNCHRONISED)
            if not each.mask:
                self._open.remove(each)

    def count(self, camera: Camera) -> int:
        """Count a camera's frames in open sets."""
        return sum(bool(each.mask & camera.bit) for each in self._open)

    def _gate_ns(self, doubt_ns: int, meeting: OpenSet) -> int:
        settings = self._settings
        return min(settings.tolerance_ns + doubt_ns + meeting.doubt_ns, settings.reach_ns)

    def _rival(self, first: OpenSet) -> OpenSet | None:
        """Return the next set if no two pulses can be so close: one of the two holds a wrong clock."""
        if len(self._open) < 2:
            return None
        second = self._open[1]
        return second if second.time_ns - first.time_ns < self._settings.apart_ns else None

    def _hoping(self, first: OpenSet, rival: OpenSet | None, host_ns: int) -> bool:
        there = first.mask if rival is None else first.mask | rival.mask
        patience_ns, gate_ns = self._settings.wait_ns, self._settings.tolerance_ns
        return any(
            not there & camera.bit
            and camera.expected(host_ns, patience_ns=patience_ns)
            and not camera.passed_over(first.time_ns, gate_ns=gate_ns)
            for camera in self._cameras
        )

    def _settle(self, first: OpenSet, rival: OpenSet) -> None:
        """Let the set of more cameras stay; between equals nobody knows whose clock is wrong."""
        lead = first.mask.bit_count() - rival.mask.bit_count()
        if lead >= 0:
            self._dissolve(rival, first.mask if lead else 0)
        if lead <= 0:
            self._dissolve(first, rival.mask if lead else 0)

    def _dissolve(self, loser: OpenSet, winners: int) -> None:
        self._open.remove(loser)
        for camera in self._cameras:
            if camera.bit & loser.mask and (camera.bit & winners or self._in_company(camera)):
                self._log.lose(loser.remove(camera.number), Cause.DOUBLE_TRIGGER)
            elif camera.bit & loser.mask:
                self._log.lose(loser.remove(camera.number), Cause.UNSYNCHRONISED)
                self.accused.append(camera)

    def _in_company(self, camera: Camera) -> bool:
        """Say whether others agree with a frame of this camera: its clock holds, it exposed twice."""
        return any(each.mask & camera.bit and each.mask != camera.bit for each in self._open)

    def _leave(self, first: OpenSet, host_ns: int) -> None:
        rival = self._rival(first)
        if rival is not None:
            self._dissolve(rival, first.mask)
        self._open.pop(0)
        agreed_ns = self._agreed_ns(first)
        absent = () if first.mask == self._all else self._absences(first, host_ns)
        self._log.sets.append(first.closed(self._number, time_ns=agreed_ns, absent=absent))
        self._number += 1
        self._left_ns = agreed_ns
        if len(first.frames) > 1:
            for number, frame in first.frames.items():
                self._cameras[number].clock.track(frame.device_ns, first.times_ns[number] - agreed_ns)

    def _agreed_ns(self, first: OpenSet) -> int:
        """Return the mean time of the cameras whose clocks are known well, or of all if none is.

        A camera that has just come back then follows the rig's clock instead of pulling it.
        """
        limit_ns, times_ns = self._settings.tolerance_ns, first.times_ns
        known = [time for camera, time in times_ns.items() if self._cameras[camera].clock.doubt_ns < limit_ns]
        times = known or list(times_ns.values())
        return sum(times) // len(times)

    def _absences(self, first: OpenSet, host_ns: int) -> tuple[tuple[int, Absence], ...]:
        missing = [camera for camera in self._cameras if not camera.bit & first.mask]
        return tuple((camera.number, self._absence(camera, first, host_ns)) for camera in missing)

    def _absence(self, camera: Camera, first: OpenSet, host_ns: int) -> Absence:
        if camera.silent(first.first_host_ns, limit_ns=self._settings.silent_ns):
            give_up(camera, self._log, host_ns=host_ns)
        if camera.state is State.LOST:
            return Absence.CAMERA_LOST
        if camera.state is not State.LOCKED:
            return Absence.UNSYNCHRONISED
        if camera.passed_over(first.time_ns, gate_ns=self._settings.tolerance_ns):
            return Absence.MISSED_TRIGGER
        newest_ns = camera.newest_ns
        return Absence.GAP if newest_ns is not None and newest_ns > first.time_ns else Absence.SILENT
