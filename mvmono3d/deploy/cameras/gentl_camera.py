"""One camera behind GenTL: connected, set, armed, polled, lost and let go."""

import logging
from collections.abc import Callable
from typing import Any

from genicam import gentl

from mvmono3d.deploy.cameras.camera_setup import apply_settings, ptp_state, set_lighting
from mvmono3d.deploy.cameras.features import NODE_ERRORS, Features, Report
from mvmono3d.deploy.cameras.gentl_stream import GenTLStream, nanoseconds
from mvmono3d.deploy.cameras.one_harvester import create_acquirer, destroy_acquirer
from mvmono3d.deploy.cameras.protocol import Delivery, Sink
from mvmono3d.deploy.cameras.records import (
    AppliedSettings,
    CameraHealth,
    CameraInfo,
    CameraSettings,
    ClockKind,
    PtpState,
)
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.sync.records import ClockSample
from mvmono3d.errors import CameraError

_LOG = logging.getLogger(__name__)
_LOST_CHECK_NS = 20_000_000
# harvesters states some of its own preconditions with these.
_ERRORS = (*NODE_ERRORS, AttributeError, ValueError)


class GenTLCamera:
    """A device of the Harvester's list; whatever fails once it is connected means that it is lost."""

    def __init__(self, number: int, device: Any, *, serial: str, now_ns: Callable[[], int]) -> None:
        self.serial, self.message = serial, ""
        self._number, self._device, self._now_ns = number, device, now_ns
        self._acquirer: Any = None
        self._features: Features | None = None
        """None while the camera is not there."""
        self._stream: GenTLStream | None = None
        self._clock = ClockKind.NONE
        self._lighting = Lighting(exposure_ns=0)
        self._checked_ns = 0

    @property
    def connected(self) -> bool:
        """Say whether the camera is there, as far as is known."""
        return self._features is not None

    def connect(self) -> CameraInfo:
        """Open the camera; raises `CameraError` where it can't be."""
        try:
            self._acquirer = create_acquirer(self._device)
            streams = len(self._acquirer.data_streams)
            if streams != 1:
                raise ValueError(f"it has {streams} data streams, expected one")
            self._features = Features(self._acquirer.remote_device.node_map)
            info = self._info(self._features)
        except _ERRORS as error:
            self.release()
            raise self._error("can't be opened", error) from None
        self.message = ""
        return info

    def configure(self, settings: CameraSettings) -> AppliedSettings:
        """Set the camera and read back; raises `CameraError` if it is lost."""
        features = self._present()
        try:
            self._acquirer.num_buffers = max(settings.buffers, self._acquirer.min_num_buffers)
            applied = apply_settings(features, settings, serial=self.serial)
        except _ERRORS as error:
            raise self._error("can't be set", error) from None
        self._clock, self._lighting = applied.clock, applied.lighting
        return applied

    def arm(self) -> None:
        """Wait for triggers from now on; raises `CameraError` if the camera is lost."""
        features = self._present()
        try:
            self._acquirer.start()
            self._stream = GenTLStream(
                self._number, self._acquirer, features, clock=self._clock, now_ns=self._now_ns
            )
            self._stream.expect(self._lighting)
        except _ERRORS as error:
            raise self._error("can't be armed", error) from None

    def waiting(self) -> int:
        """Return how many frames can be fetched now; gives back what was fetched before."""
        if self._stream is None or self._features is None:
            return 0
        try:
            self._stream.give_back()
            self._check_connection()
            return self._stream.waiting
        except NODE_ERRORS as error:
            self._lose(error)
            return 0

    def fetch(self, sink: Sink, *, arrived_ns: int) -> int:
        """Hand over a frame that waits and came at that host time; returns how many there were."""
        if self._stream is None or self._features is None:
            return 0
        try:
            return self._stream.fetch(sink, arrived_ns=arrived_ns)
        except NODE_ERRORS as error:
            self._lose(error)
            return 0

    def discard(self) -> None:
        """Give back what waits, unseen."""
        for _ in range(self.waiting()):
            self.fetch(_nobody, arrived_ns=self._now_ns())
        self.waiting()
        if self._stream is not None:
            self._stream.delivered = 0

    def anew(self) -> "GenTLCamera":
        """Return the same camera, not connected."""
        return GenTLCamera(self._number, self._device, serial=self.serial, now_ns=self._now_ns)

    def adjust(self, lighting: Lighting) -> None:
        """Set exposure and gain while frames come."""
        if self._features is None:
            return
        report = Report(self._features)
        try:
            self._lighting = set_lighting(self._features, report, lighting)
        except NODE_ERRORS as error:
            self._lose(error)
            return
        if self._stream is not None:
            self._stream.expect(self._lighting)
        self.message = "; ".join(
            f"{each.setting} {each.asked} became {each.got}" for each in report.differences
        )

    def clock_sample(self) -> ClockSample | None:
        """Read the camera's clock; None if there is none to read."""
        if self._features is None or self._clock is ClockKind.NONE:
            return None
        try:
            before_ns = self._now_ns()
            self._features.execute("latch")
            after_ns = self._now_ns()
            device_ns = nanoseconds(self._features.read("latched") or 0, self._features)
        except NODE_ERRORS as error:
            self._lose(error)
            return None
        return ClockSample(host_before_ns=before_ns, device_ns=device_ns, host_after_ns=after_ns)

    def trigger(self) -> None:
        """Expose once, with a software trigger."""
        if self._features is None:
            return
        try:
            self._features.execute("TriggerSoftware")
        except NODE_ERRORS as error:
            self._lose(error)

    def ptp(self) -> PtpState:
        """Return whether the camera follows the network's time."""
        if self._features is None:
            return PtpState.OFF
        try:
            return ptp_state(self._features)
        except NODE_ERRORS as error:
            self._lose(error)
            return PtpState.OFF

    def health(self) -> CameraHealth:
        """Say how the camera is."""
        ptp, stream = self.ptp(), self._stream
        if self._features is None:
            return CameraHealth(connected=False, message=self.message)
        try:
            return CameraHealth(
                connected=True,
                delivered=0 if stream is None else stream.delivered,
                incomplete=0 if stream is None else stream.incomplete,
                underruns=0 if stream is None else stream.underruns,
                waiting=0 if stream is None else stream.waiting,
                temperature_c=self._features.read("temperature_c"),
                ptp=ptp,
                ptp_offset_ns=None if ptp is PtpState.OFF else self._features.read("ptp_offset_ns"),
                message=self.message,
            )
        except NODE_ERRORS as error:
            self._lose(error)
            return CameraHealth(connected=False, message=self.message)

    def disarm(self) -> None:
        """Stop; a lost camera has stopped."""
        self._stream = None
        if self._features is not None:
            try:
                self._acquirer.stop()
            except _ERRORS as error:
                self._lose(error)

    def release(self) -> None:
        """Let go of the camera and its buffers."""
        self._features = self._stream = None
        if self._acquirer is not None:
            acquirer, self._acquirer = self._acquirer, None
            destroy_acquirer(acquirer, _ERRORS)

    def _check_connection(self) -> None:
        now_ns = self._now_ns()
        if now_ns - self._checked_ns < _LOST_CHECK_NS:
            return
        self._checked_ns = now_ns
        status = self._acquirer.device.module.access_status
        if status == gentl.DEVICE_ACCESS_STATUS_LIST.DEVICE_ACCESS_STATUS_NOACCESS:
            self._lose("its producer has no access to it any more")

    def _lose(self, reason: Exception | str) -> None:
        self._features = None
        self.message = f"lost: {reason}"
        _LOG.warning("camera %s is %s", self.serial, self.message)

    def _present(self) -> Features:
        if self._features is None:
            raise CameraError(f"camera {self.serial!r} is not connected ({self.message or 'never opened'})")
        return self._features

    def _error(self, what: str, error: Exception) -> CameraError:
        self.message = f"{what}: {error}"
        return CameraError(f"camera {self.serial!r} {self.message}")

    def _info(self, features: Features) -> CameraInfo:
        device = self._acquirer.device.module
        return CameraInfo(
            serial=self.serial,
            vendor=_told(device, "vendor"),
            model=_told(device, "model"),
            firmware=str(features.read("firmware") or _told(device, "version")),
            user_name=str(features.read("DeviceUserID") or _told(device, "user_defined_name")),
            link=_told(device, "tl_type"),
            sensor_width=features.read("SensorWidth") or features.read("WidthMax") or 0,
            sensor_height=features.read("SensorHeight") or features.read("HeightMax") or 0,
        )


def _nobody(delivery: Delivery) -> None:
    del delivery


def _told(device: Any, name: str) -> str:
    try:
        return str(getattr(device, name))
    except gentl.GenericException:
        return ""
