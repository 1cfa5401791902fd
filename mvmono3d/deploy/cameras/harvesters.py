"""Live cameras of any maker, through GenTL producers and harvesters."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mvmono3d.deploy.cameras.gentl_camera import GenTLCamera
from mvmono3d.deploy.cameras.gentl_return import Return
from mvmono3d.deploy.cameras.one_harvester import give_back_harvester, producer_files, take_harvester
from mvmono3d.deploy.cameras.pixel_formats import prepare
from mvmono3d.deploy.cameras.protocol import AT_ONCE, Sink
from mvmono3d.deploy.cameras.records import (
    AppliedSettings,
    CameraHealth,
    CameraSettings,
    ClockKind,
    Difference,
    PtpState,
    RigInfo,
    Trigger,
)
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.sync.records import ClockSample
from mvmono3d.errors import CameraError, unknown_name

_PTP_POLL_S = 0.05


class HarvestersBackend:
    """See `CameraBackend`. A process has one Harvester, however many of these it opens.

    Polling never waits: the binding holds Python's lock while it waits for a buffer
    (https://github.com/genicam/harvesters/issues/508).
    """

    ended = False

    def __init__(
        self,
        serials: Sequence[str],
        *,
        producers: Sequence[str] = (),
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Open nothing yet.

        Args:
            serials: Serial numbers, in the order of the camera numbers.
            producers: See `take_harvester`.
            now_ns: The host's clock; tests put the simulated rig's here.
        """
        self._serials, self._producers, self._now_ns = tuple(serials), tuple(producers), now_ns
        self._cameras: list[GenTLCamera] = []
        self._returns: list[Return] = []
        self._settings: CameraSettings | None = None
        self._taken = self._armed = False
        self._seen_ns = 0
        """Host time at which every frame that had come was handed over."""

    @property
    def serials(self) -> tuple[str, ...]:
        """See `CameraBackend`."""
        return self._serials

    def now_ns(self) -> int:
        """See `CameraBackend`."""
        return self._now_ns()

    def open(self) -> RigInfo:
        """See `CameraBackend`."""
        harvester = take_harvester(self._producers)
        self._taken = True
        try:
            devices = _devices_by_serial(harvester)
            for number, serial in enumerate(self._serials):
                if serial not in devices:
                    raise unknown_name("camera", serial, devices, where="the producers' lists")
                self._cameras.append(GenTLCamera(number, devices[serial], serial=serial, now_ns=self._now_ns))
            self._returns = [Return() for _ in self._cameras]
            found = tuple(camera.connect() for camera in self._cameras)
        except BaseException:
            self.close()
            raise
        return RigInfo(source=", ".join(producer_files(self._producers)), cameras=found)

    def configure(self, settings: CameraSettings) -> tuple[AppliedSettings, ...]:
        """See `CameraBackend`."""
        if self._armed:
            raise CameraError("cameras can't be configured while they run: stop them first")
        self._settings = settings
        prepare(settings.pixel_format)
        applied = [camera.configure(settings) for camera in self._cameras]
        if not settings.ptp or any(each.clock is ClockKind.NONE for each in applied):
            return tuple(applied)
        return self._await_ptp(applied, until_s=time.monotonic() + settings.ptp_wait_s)

    def _await_ptp(self, applied: list[AppliedSettings], *, until_s: float) -> tuple[AppliedSettings, ...]:
        """Return the settings with shared clocks, if all cameras follow the network's time soon."""
        states = [camera.ptp() for camera in self._cameras]
        while PtpState.WAITING in states and PtpState.OFF not in states and time.monotonic() < until_s:
            time.sleep(_PTP_POLL_S)
            states = [camera.ptp() for camera in self._cameras]
        shared = all(state is PtpState.LOCKED for state in states)
        return tuple(
            _with_shared_clock(each) if shared else _without_ptp(each, state)
            for each, state in zip(applied, states, strict=True)
        )

    def start(self) -> None:
        """See `CameraBackend`."""
        try:
            self._armed = True
            for camera in self._cameras:
                camera.arm()
            # While the last were armed, a trigger that runs already has exposed the first alone.
            for camera in self._cameras:
                camera.discard()
        except CameraError:
            self.stop()
            raise

    def poll(self, sink: Sink) -> int:
        """See `CameraBackend`."""
        # From the longest queue first: frames of one pulse then come close together, also after a pause.
        begin_ns, seen_ns = self._now_ns(), self._seen_ns
        waiting = [camera.waiting() for camera in self._cameras]
        period_ns = 0 if self._settings is None else self._settings.period_ns
        total, most = sum(waiting), AT_ONCE * len(waiting)
        count = 0
        for _ in range(min(total, most)):
            camera = waiting.index(max(waiting))
            waiting[camera] -= 1
            # Those behind it came later, a period each; and it was not there when all had been seen.
            arrived_ns = max(self._now_ns() - waiting[camera] * period_ns, seen_ns)
            count += self._cameras[camera].fetch(sink, arrived_ns=arrived_ns)
        if total <= most:
            self._seen_ns = begin_ns
        return count

    def adjust(self, lighting: Lighting) -> None:
        """See `CameraBackend`."""
        if self._settings is not None:
            # A camera that comes back is set like the others.
            self._settings = msgspec.structs.replace(self._settings, lighting=lighting)
        for camera in self._cameras:
            camera.adjust(lighting)

    def clock_sample(self, camera: int) -> ClockSample | None:
        """See `CameraBackend`."""
        return self._cameras[camera].clock_sample()

    def trigger(self) -> None:
        """See `CameraBackend`."""
        if self._settings is not None and self._settings.trigger is Trigger.SOFTWARE:
            for camera in self._cameras:
                camera.trigger()

    def health(self, camera: int) -> CameraHealth:
        """See `CameraBackend`."""
        return self._cameras[camera].health()

    def reconnect(self, camera: int) -> bool:
        """See `CameraBackend`."""
        if self._cameras[camera].connected:
            return True
        if self._settings is not None and self._armed:
            found = self._returns[camera].go_on(self._cameras[camera], self._settings)
            self._cameras[camera] = found or self._cameras[camera]
        return self._cameras[camera].connected

    def stop(self) -> None:
        """See `CameraBackend`."""
        self._armed = False
        for back in self._returns:
            back.give_up()
        for camera in self._cameras:
            camera.disarm()

    def close(self) -> None:
        """See `CameraBackend`."""
        self.stop()
        for camera in self._cameras:
            camera.release()
        self._cameras.clear()
        self._returns.clear()
        if self._taken:
            self._taken = False
            give_back_harvester()


def _devices_by_serial(harvester: Any) -> dict[str, Any]:
    """Return the devices found; of a camera that several producers see, the first one's."""
    devices: dict[str, Any] = {}
    for device in harvester.device_info_list:
        serial = getattr(device, "serial_number", None)
        if serial:
            devices.setdefault(serial, device)
    return devices


def _with_shared_clock(applied: AppliedSettings) -> AppliedSettings:
    return msgspec.structs.replace(applied, clock=ClockKind.SHARED)


def _without_ptp(applied: AppliedSettings, state: PtpState) -> AppliedSettings:
    missing = Difference(setting="ptp", asked=PtpState.LOCKED.value, got=state.value)
    return msgspec.structs.replace(applied, differences=(*applied.differences, missing))
