"""A recording that delivers its frames as the cameras did: in real time, as fast as it can, or in steps."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.reader import Recording
from mvmono3d.errors import InvalidRecordError


class Pace(StrEnum):
    """When the next frame set comes."""

    REAL = "real"
    """When it came; later, never left out, where the reader is slower."""
    FAST = "fast"
    STEPPED = "stepped"
    """When it is asked for."""


@runtime_checkable
class Clock(Protocol):
    """Time, and waiting for it."""

    def now_s(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait."""
        ...


class WallClock:
    """The real one."""

    def now_s(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """See `Clock`."""
        time.sleep(duration_s)


_WALL = WallClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How to replay a recording."""

    recording: Recording
    pace: Pace = Pace.REAL
    speed: float = 1.0
    """Of real time: 2 is twice as fast."""
    step: Callable[[], bool] | None = None
    """Returns once the next set may come, or False to end; of a stepped replay."""
    clock: Clock = _WALL

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise InvalidRecordError(f"a speed of {self.speed}, expected more than 0")
        if self.pace is Pace.STEPPED and self.step is None:
            raise InvalidRecordError("a stepped replay needs to know what a step is")

    def sets(self) -> Iterator[FrameSet]:
        """Yield every frame set, in its time."""
        times = self.recording.time_ns
        begin_s = self.clock.now_s()
        for number, frames in enumerate(self.recording):
            if self.pace is Pace.STEPPED and self.step is not None and not self.step():
                return
            if self.pace is Pace.REAL:
                due_s = begin_s + float(times[number] - times[0]) * 1e-9 / self.speed
                wait_s = due_s - self.clock.now_s()
                if wait_s > 0:
                    self.clock.sleep(wait_s)
            yield frames
