"""How long each stage of an answer took, from the middle of its exposure on."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.deploy.ring.reader import RingRecord

_MS_PER_NS = 1e-6
_SAME_CLOCK_NS = 1_000_000_000
"""A set that seems to have travelled for longer, or less than no time, was stamped by another clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Moments of one answer on `time.monotonic_ns()`."""

    begun_ns: int
    """The loop took the frame set up."""
    placed_ns: int
    """It had carried the last poses to where the detector shall look."""
    seen_ns: int
    """The detector had answered."""
    done_ns: int
    """The joints were there."""
    looked_ms: float
    """What the detector itself took, without the way there and back."""

    def named_ms(self, record: RingRecord) -> tuple[tuple[str, float], ...]:
        """Return what the stages took; they add up to the latency, without `look`, which is in `detect`."""
        arrived_ns, travelled_ns = _arrival(record)
        waited_ns = self.begun_ns - arrived_ns
        return (
            ("travel", travelled_ns * _MS_PER_NS),
            ("wait", waited_ns * _MS_PER_NS if 0 <= waited_ns < _SAME_CLOCK_NS else 0.0),
            ("place", (self.placed_ns - self.begun_ns) * _MS_PER_NS),
            ("detect", (self.seen_ns - self.placed_ns) * _MS_PER_NS),
            ("look", self.looked_ms),
            ("reconstruct", (self.done_ns - self.seen_ns) * _MS_PER_NS),
        )


def latency_ms(stages: tuple[tuple[str, float], ...]) -> float:
    """Return the time from mid-exposure to the joints."""
    return sum(value for name, value in stages if name != "look")


def _arrival(record: RingRecord) -> tuple[int, int]:
    """Return when the last frame of a set came, and how long after mid-exposure that was (0: unknown)."""
    if not record.present.any():
        return record.time_ns, 0
    arrived_ns = int(record.host_ns[record.present].max())
    middle_ns = record.time_ns + int(np.median(record.exposure_ns[record.present])) // 2
    travelled_ns = arrived_ns - middle_ns
    return arrived_ns, travelled_ns if 0 <= travelled_ns < _SAME_CLOCK_NS else 0
