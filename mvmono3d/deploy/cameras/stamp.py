"""The truth that the simulated cameras stamp into the first pixels of their frames."""

import struct
from dataclasses import dataclass

import numpy as np

from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError

PIXELS = 40
_MAGIC = 0x31304D4153564D
_LAYOUT = struct.Struct("<5Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What is true of one frame, whatever its timestamp and id claim."""

    pulse: int
    """Number of the trigger pulse that it was exposed at."""
    frame_id: int
    timestamp: int
    """The camera's clock at the start of the exposure, as the camera reports it."""
    delivered_ns: int
    """CLOCK_MONOTONIC when the frame was handed to the consumer [ns]."""


def read_stamp(image: Array, *, bits: int = 8) -> Stamp:
    """Read the stamp of a frame; raises `InvalidRecordError` where there is none.

    Args:
        image: `(H, W)` or flat pixels, unpacked: uint8, or uint16 with the signal in the low bits.
        bits: Bits per pixel: 8, 10 or 12. Any conversion that keeps the upper eight keeps the stamp.
    """
    pixels = np.asarray(image).reshape(-1)[:PIXELS]
    upper = (pixels >> (bits - 8)).astype(np.uint8)
    if len(upper) < PIXELS:
        raise InvalidRecordError(f"a stamp takes {PIXELS} pixels, the image has {len(upper)}")
    magic, pulse, frame_id, timestamp, delivered_ns = _LAYOUT.unpack(upper.tobytes())
    if magic != _MAGIC:
        raise InvalidRecordError(
            "no stamp in the image's first pixels: expected a frame of the simulated rig"
        )
    return Stamp(pulse=pulse, frame_id=frame_id, timestamp=timestamp, delivered_ns=delivered_ns)
