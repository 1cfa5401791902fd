"""From cameras to frame sets in the ring, step by step; the process around it only repeats the steps."""

import dataclasses
import logging

from mvmono3d.deploy.cameras.protocol import AT_ONCE, CameraBackend
from mvmono3d.deploy.cameras.records import AppliedSettings, CameraHealth, Trigger
from mvmono3d.deploy.capture.clocks import ClockSchedule
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState, ViewHealth
from mvmono3d.deploy.capture.intake import Intake
from mvmono3d.deploy.capture.lighting import LightingWatch
from mvmono3d.deploy.capture.rates import Rates
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.exposure.control import Lighting, LightingLimits
from mvmono3d.deploy.ring.bell import Bell
from mvmono3d.deploy.ring.writer import RingFrame, RingWriter
from mvmono3d.deploy.sync.assembler import Assembler
from mvmono3d.deploy.sync.ledger import Ledger
from mvmono3d.deploy.sync.records import Absence, Cause, Frame, FrameSet, Happening, Loss, Outcome
from mvmono3d.errors import CameraError

_LOG = logging.getLogger(__name__)
_PRESENCE_NS = 10_000_000
_HEALTH_NS = 1_000_000_000
_SILENT_S = 2.0
_LATE = 4
"""A software trigger that is late by more than this part of a period sets the beat of those after it."""
_QUIET = (Happening.SAMPLE_REFUSED, Happening.SYNC_CONFIRMED)


class Capture:
    """One run of a rig: `open`, `step` again and again, `close`."""

    def __init__(self, settings: CaptureSettings, backend: CameraBackend, *, pid: int) -> None:
        self._settings, self._backend = settings, backend
        self._health = CaptureHealth(pid=pid, state=CaptureState.STARTING)
        self._ring: RingWriter | None = None
        self._bell = Bell(settings.ring)
        self._whole_ns = 0

    def open(self) -> None:
        """Open, set and arm the cameras, and make the ring.

        Raises `CameraError` if a camera can't deliver what was asked, and whatever the backend raises.
        """
        backend, settings = self._backend, self._settings
        rig = backend.open()
        applied = backend.configure(settings.cameras)
        _check(applied, settings)
        views = len(applied)
        layout = settings.layout(views)
        self._assembler = Assembler(settings.sync(applied))
        self._ledger = Ledger(cameras=views, period_ns=settings.cameras.period_ns)
        self._ring = RingWriter(settings.ring, layout)
        self._intake = Intake(self._ring, self._ledger, layout=layout, bits=settings.cameras.bits)
        self._intake.lighting = [each.lighting for each in applied]
        self._watch = LightingWatch(
            settings.cameras.lighting,
            views=views,
            bits=settings.cameras.bits,
            region=settings.region,
            limits=_possible(settings.control, applied),
        )
        self._clocks, self._rates = ClockSchedule(views), Rates()
        self._there = [True] * views
        self._times_lost = [0] * views
        self._presence_ns = self._health_ns = self._pulse_ns = 0
        self._asked = 0
        backend.start()
        self._cameras = [backend.health(camera) for camera in range(views)]
        self._health = CaptureHealth(
            pid=self._health.pid, state=CaptureState.RUNNING, rig=rig, applied=applied
        )
        self._heard_ns = backend.now_ns()
        self._sample_clocks(self._heard_ns)

    def step(self) -> bool:
        """Look at the cameras once; returns whether there was anything."""
        now_ns = self._backend.now_ns()
        self._trigger(now_ns)
        drained = self._backend.poll(self._intake) < AT_ONCE * len(self._cameras)
        frames = self._intake.take()
        # After a pause frames of several pulses come at once: those of one pulse belong side by side.
        frames.sort(key=self._rig_time)
        sets = sum(self._settle(self._assembler.push(frame)) for frame in frames)
        if drained:
            # All that came before `now_ns` was looked at: nobody is thought late who only waited for us.
            sets += self._settle(self._assembler.advance(now_ns))
        self._rates.step(now_ns, sets=sets)
        self._mind_presence(now_ns)
        self._sample_clocks(now_ns)
        self._ask_health(now_ns)
        self._heard_ns = now_ns if frames else self._heard_ns
        return bool(frames)

    def light(self, lighting: Lighting) -> None:
        """Set exposure, gain and strobe of all cameras; a control that follows brightness begins there."""
        self._watch.lighting = lighting
        self._apply(lighting)

    @property
    def resting(self) -> bool:
        """Say that nothing is to come soon: a whole set left less than half a trigger period ago."""
        return 0 <= self._backend.now_ns() - self._whole_ns < self._settings.cameras.period_ns // 2

    @property
    def ended(self) -> bool:
        """Say whether no frame will ever come again."""
        return self._backend.ended

    def close(self) -> None:
        """Let what waits leave, then let go of ring and cameras; safe at any time, also twice."""
        if self._ring is not None and self._health.state is CaptureState.RUNNING:
            self._settle(self._assembler.drain())
        self._backend.stop()
        self._backend.close()
        if self._ring is not None:
            self._ring.close()
        self._bell.close()

    def health(self, state: CaptureState, message: str = "") -> CaptureHealth:
        """Return how everything is at this moment."""
        now = self._health
        if self._ring is None or now.rig is None:
            return CaptureHealth(pid=now.pid, state=state, message=message)
        return CaptureHealth(
            pid=now.pid,
            state=state,
            message=message or (self._silence() if state is CaptureState.RUNNING else ""),
            host_ns=self._backend.now_ns(),
            rig=now.rig,
            applied=now.applied,
            accounts=self._ledger.accounts(self._assembler.in_hand()),
            views=tuple(self._view(number, camera) for number, camera in enumerate(self._cameras)),
            lighting=self._watch.lighting,
            sets_hz=self._rates.sets_hz,
            longest_step_ms=self._rates.longest_step_ms,
        )

    def _silence(self) -> str:
        silent_s = (self._backend.now_ns() - self._heard_ns) / 1e9
        if silent_s < _SILENT_S:
            return ""
        return f"no frame for {silent_s:.0f} s: does the trigger run, and is its line the right one?"

    def _view(self, number: int, camera: CameraHealth) -> ViewHealth:
        return ViewHealth(
            serial=self._backend.serials[number],
            sync=self._assembler.states[number],
            alarm=self._watch.alarms[number],
            times_lost=self._times_lost[number],
            message=self._intake.complaints[number],
            camera=camera,
        )

    def _rig_time(self, frame: Frame) -> int:
        return frame.device_ns - self._assembler.offset_ns(frame.camera)

    def _trigger(self, now_ns: int) -> None:
        if self._settings.cameras.trigger is Trigger.SOFTWARE and now_ns >= self._pulse_ns:
            period_ns = self._settings.cameras.period_ns
            # After a pause the beat starts anew: cameras miss pulses that follow each other too soon.
            late = now_ns - self._pulse_ns > period_ns // _LATE
            self._pulse_ns = (now_ns if late else self._pulse_ns) + period_ns
            self._backend.trigger()

    def _settle(self, outcome: Outcome) -> int:
        """Publish and count what the assembler decided; returns how many sets left."""
        for loss in outcome.losses:
            self._ledger.settle(Outcome(losses=(loss,)))
        for frame_set in outcome.sets:
            self._publish(frame_set)
        for event in outcome.events:
            if event.happening not in _QUIET:
                serial = self._backend.serials[event.camera]
                _LOG.info("camera %s: %s", serial, event.happening.value.replace("_", " "))
        return len(outcome.sets)

    def _publish(self, frame_set: FrameSet) -> None:
        if self._ring is None:
            return
        gone = [frame for frame in frame_set.frames if not self._ring.holds(frame.camera, frame.slot)]
        if gone:
            frame_set = _without(frame_set, gone)
        losses = tuple(Loss(frame=frame, cause=Cause.OVERRUN) for frame in gone)
        self._ledger.settle(Outcome(sets=(frame_set,), losses=losses))
        self._ring.publish(
            [
                RingFrame(
                    view=frame.camera,
                    slot=frame.slot,
                    frame_id=frame.frame_id,
                    device_ns=frame.device_ns,
                    host_ns=frame.host_ns,
                    lighting=self._intake.taken(frame),
                )
                for frame in frame_set.frames
            ],
            time_ns=frame_set.time_ns,
            spread_ns=frame_set.spread_ns,
        )
        self._bell.ring()
        if len(frame_set.frames) == len(self._cameras):
            self._whole_ns = self._backend.now_ns()
        self._look(frame_set)

    def _look(self, frame_set: FrameSet) -> None:
        """Look at one picture of the set, if it is time, and set all cameras to what follows from it."""
        view = self._watch.turn(frame_set.time_ns)
        if view is None or self._ring is None:
            return
        frame = next((frame for frame in frame_set.frames if frame.camera == view), None)
        lighting = self._watch.look(
            None if frame is None else self._ring.image(view, frame.slot),
            taken=self._watch.lighting if frame is None else self._intake.taken(frame),
            time_ns=frame_set.time_ns,
        )
        if lighting is not None:
            self._apply(lighting)

    def _apply(self, lighting: Lighting) -> None:
        self._backend.adjust(lighting)
        self._intake.lighting = [lighting] * len(self._cameras)
        self._assembler.reconfigured()

    def _mind_presence(self, now_ns: int) -> None:
        """Notice who is gone and who is back."""
        if now_ns - self._presence_ns < _PRESENCE_NS:
            return
        self._presence_ns = now_ns
        for camera, was_there in enumerate(self._there):
            there = self._backend.reconnect(camera)
            if was_there and not there:
                self._times_lost[camera] += 1
                self._settle(self._assembler.disconnect(camera, host_ns=now_ns))
            if there != was_there:
                self._there[camera] = there
                self._cameras[camera] = self._backend.health(camera)

    def _sample_clocks(self, now_ns: int) -> None:
        for camera in self._clocks.due(now_ns, self._assembler.wanted()):
            sample = self._backend.clock_sample(camera) if self._there[camera] else None
            self._clocks.asked(camera, now_ns, answered=sample is not None)
            if sample is not None:
                self._settle(self._assembler.sample(camera, sample))

    def _ask_health(self, now_ns: int) -> None:
        """Ask one camera after the other: each answer takes a few register accesses."""
        if now_ns - self._health_ns >= _HEALTH_NS // len(self._cameras):
            self._health_ns = now_ns
            self._asked = (self._asked + 1) % len(self._cameras)
            self._cameras[self._asked] = self._backend.health(self._asked)


def _check(applied: tuple[AppliedSettings, ...], settings: CaptureSettings) -> None:
    """Refuse cameras whose pictures would not fit the ring; other differences are only told."""
    wanted = settings.cameras
    for each in applied:
        for one in each.differences:
            _LOG.warning("camera %s: %s: asked %s, got %s", each.serial, one.setting, one.asked, one.got)
        if (each.width, each.height, each.bits) != (wanted.width, wanted.height, wanted.bits):
            raise CameraError(
                f"camera {each.serial!r} delivers {each.width} x {each.height} px {each.pixel_format}, asked "
                f"were {wanted.width} x {wanted.height} px {wanted.pixel_format}: all cameras of a rig "
                "deliver the same; choose a region and a format that each of them has"
            )


def _possible(limits: LightingLimits | None, applied: tuple[AppliedSettings, ...]) -> LightingLimits | None:
    """Return the limits with the strobe fixed, unless every camera can change its power."""
    if limits is None or all(each.strobe_adjustable for each in applied):
        return limits
    power = applied[0].lighting.strobe
    return dataclasses.replace(limits, strobe=(power, power))


def _without(frame_set: FrameSet, gone: list[Frame]) -> FrameSet:
    """Return a set without frames whose memory was used again."""
    return dataclasses.replace(
        frame_set,
        frames=tuple(frame for frame in frame_set.frames if frame not in gone),
        absent=(*frame_set.absent, *((frame.camera, Absence.GAP) for frame in gone)),
    )
