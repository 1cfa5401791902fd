"""What is asked of a rig's cameras, and what they say of themselves."""

from enum import Enum, StrEnum

import msgspec

from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.errors import ConfigurationError

BITS = {"Mono8": 8, "Mono10": 10, "Mono12": 12, "Mono12p": 12}
"""Significant bits of a pixel, by pixel format; more than 8 come as uint16, in the low bits."""


class Trigger(StrEnum):
    """What makes a camera expose."""

    LINE = "line"
    """An edge on an input line: all cameras at once."""
    SOFTWARE = "software"
    """A command, one camera after the other: for tests and focusing."""
    FREE = "free"
    """Its own timer: frames of several cameras do not belong together."""


class ClockKind(StrEnum):
    """How a camera's clock is related to the others'."""

    SHARED = "shared"
    """All tell one time from the start: PTP with every camera locked, or a recording."""
    LATCHED = "latched"
    """Its own; clock samples tell where it stands."""
    NONE = "none"
    """Frames carry no time of the camera, and get the host's."""


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all cameras of a rig are set to.

    Raises `ConfigurationError` if a size or the rate is not positive, or the format is not known.
    """

    width: int
    height: int
    left: int = 0
    top: int = 0
    pixel_format: str = "Mono8"
    trigger: Trigger = Trigger.LINE
    trigger_line: str = "Line0"
    rate_hz: float = 60.0
    """Of the trigger: pulses never come faster."""
    lighting: Lighting = Lighting(exposure_ns=1_000_000)
    strobe_line: str = "Line1"
    """Output line of the infrared strobe; empty: the cameras switch none."""
    ptp: bool = True
    """Let clocks be synchronised over the network where a camera can."""
    ptp_wait_s: float = 5.0
    """How long to wait for that before clocks are latched instead."""
    buffers: int = 64
    """Frames that a camera may have waiting: half a second at 120 Hz."""
    nodes: tuple[tuple[str, bool | int | float | str], ...] = ()
    """GenICam features to be written last, in this order: whatever one maker's cameras need besides."""

    def __post_init__(self) -> None:
        if self.pixel_format not in BITS:
            raise ConfigurationError(f"pixel format {self.pixel_format!r}: expected one of {', '.join(BITS)}")
        least = min(self.width, self.height, self.left + 1, self.top + 1, self.buffers - 2)
        if least < 1 or not self.rate_hz > 0:
            raise ConfigurationError(
                f"cameras of {self.width} x {self.height} px from ({self.left}, {self.top}) at "
                f"{self.rate_hz} Hz with {self.buffers} buffers: expected positive sizes and rate, corners "
                "from 0 on and at least 3 buffers"
            )

    @property
    def bits(self) -> int:
        """Significant bits of a pixel."""
        return BITS[self.pixel_format]

    @property
    def period_ns(self) -> int:
        """Least time between two trigger pulses."""
        return round(1e9 / self.rate_hz)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that a camera did not take as asked."""

    setting: str
    asked: str
    got: str
    """What was read back; "not available" where the camera has no such feature."""


class AppliedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera is really set to, as it was read back."""

    serial: str
    width: int
    height: int
    pixel_format: str
    lighting: Lighting
    strobe_adjustable: bool = False
    """Whether the strobe has other powers than on and off."""
    clock: ClockKind
    buffers: int = 0
    payload_bytes: int = 0
    """Of one frame on the wire."""
    packet_bytes: int | None = None
    """Of one packet on the network; None, here and below: it does not tell."""
    link_bytes_s: int | None = None
    """Throughput that the camera limits itself to."""
    fastest_hz: float | None = None
    """Rate that exposure, readout and link allow."""
    differences: tuple[Difference, ...] = ()
    """Empty if all is as asked."""

    @property
    def bits(self) -> int:
        """Significant bits of a pixel; 0 for a format that is not known."""
        return BITS.get(self.pixel_format, 0)


class CameraInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera is. Empty text and 0 stand for what it does not tell."""

    serial: str
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    user_name: str = ""
    link: str = ""
    """Transport: "GEV", "U3V", "replay", ..."""
    sensor_width: int = 0
    sensor_height: int = 0


class RigInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when the rig was opened; cameras in the order they were asked for."""

    source: str
    """Where they come from, in words: producer files, a recording, a renderer."""
    cameras: tuple[CameraInfo, ...]


class PtpState(Enum):
    """Whether a camera follows the network's time."""

    OFF = "off"
    """Switched off, or the camera can't."""
    WAITING = "waiting"
    LOCKED = "locked"


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one camera is; counters since it was connected. None: it does not tell."""

    connected: bool
    delivered: int = 0
    """Frames its transport handed over, incomplete ones among them."""
    incomplete: int = 0
    underruns: int = 0
    """Frames that found no free buffer."""
    waiting: int = 0
    """Frames that are ready and were not polled yet."""
    temperature_c: float | None = None
    ptp: PtpState = PtpState.OFF
    ptp_offset_ns: int | None = None
    """Distance from the network's master clock, as the camera measures it."""
    message: str = ""
    """Why it is not connected, or its last complaint."""
