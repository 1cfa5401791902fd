"""What a recording keeps: the frames of the cameras, and sets of them that one trigger pulse made."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import UInt8, UInt16

from mvmono3d.errors import InvalidRecordError

BITS = (8, 10, 12, 14, 16)
_LARGEST_GAIN_DB = 1000.0


class FrameStatus(IntEnum):
    """What is known against a frame."""

    COMPLETE = 0
    INCOMPLETE = 1
    """Lines are missing: packets were lost."""
    TIME_UNCERTAIN = 2
    """The camera's clock stepped and was not yet latched again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image of one camera, and how it was taken."""

    camera: str
    frame_id: int
    """As the camera counts; unwrapped."""
    pulse_id: int | None
    """Number of the trigger pulse, where it is known."""
    device_ns: int
    """Start of exposure by the camera's own clock."""
    host_ns: int
    """When the host had it, monotonic clock."""
    exposure_ns: int
    gain_db: float
    status: FrameStatus = FrameStatus.COMPLETE
    bits: int
    """Significant bits of a pixel: 8 in uint8; 10, 12, 14 or 16 in uint16, in the low bits."""
    image: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]

    def __post_init__(self) -> None:
        expected = np.uint8 if self.bits == 8 else np.uint16
        if self.bits not in BITS or self.image.dtype != expected or self.image.ndim != 2:
            raise InvalidRecordError(
                f"camera {self.camera!r}: expected a (height, width) image of uint8 for 8 bits or of uint16 "
                f"for {BITS[1:]}, got {self.image.dtype} {self.image.shape} of {self.bits} bits"
            )
        for name in ("frame_id", "pulse_id", "device_ns", "host_ns", "exposure_ns"):
            _check_counter(f"camera {self.camera!r}: {name}", getattr(self, name) or 0)
        if not abs(self.gain_db) < _LARGEST_GAIN_DB:
            raise InvalidRecordError(f"camera {self.camera!r}: a gain of {self.gain_db} dB")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSet:
    """The frames of one pulse; a camera that delivered nothing is absent."""

    number: int
    """Counts the sets of a run."""
    time_ns: int
    """Start of exposure by the rig's clock."""
    frames: tuple[Frame, ...]

    def __post_init__(self) -> None:
        _check_counter("frame set: number", self.number)
        _check_counter("frame set: time_ns", self.time_ns)
        names = [frame.camera for frame in self.frames]
        if len(set(names)) != len(names):
            raise InvalidRecordError(f"frame set {self.number}: a camera is in it twice: {', '.join(names)}")


def _check_counter(what: str, value: int) -> None:
    if not 0 <= value < 1 << 63:
        raise InvalidRecordError(f"{what} = {value}, expected 0 or more, within 63 bits")
