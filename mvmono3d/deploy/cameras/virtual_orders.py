"""What a virtual rig's process is told and answers, and which frame of its take a camera's frame shows."""

import msgspec

from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.exposure.control import Lighting


class RigOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: what to render, and how it is triggered."""

    source: VirtualSource
    ring: str
    """Name of the ring to write."""
    left: int
    top: int
    width: int
    height: int
    bits: int
    rate_hz: float
    """Of the trigger."""
    own_trigger: bool
    """Pulses come at that rate by themselves; otherwise they are ordered."""
    lighting: Lighting


class LightOrder(msgspec.Struct, frozen=True, kw_only=True, tag="light"):
    """From the next exposure on."""

    lighting: Lighting


class Pulse(msgspec.Struct, frozen=True, kw_only=True, tag="pulse"):
    """Expose now."""


Order = LightOrder | Pulse


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the first line, once every camera waits for its trigger."""

    error: str = ""
    """Why it isn't; empty if it is."""


def take_index(frame_id: int, frames: int) -> int:
    """Return the frame of a take that a camera's frame shows: forth and back, so that nothing ever jumps."""
    period = max(2 * (frames - 1), 1)
    place = frame_id % period
    return min(place, period - place) if frames > 1 else 0
