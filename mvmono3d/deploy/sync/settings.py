"""How frames are brought together."""

from dataclasses import dataclass

from mvmono3d.errors import ConfigurationError

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """Times that decide which frames belong together; all follow from the trigger period.

    Raises:
        ConfigurationError: if a time is not positive or the tolerance leaves neighbouring pulses
            within reach of each other.
    """

    cameras: int
    period_ns: int
    """Least time between two trigger pulses."""
    wait_ns: int = 0
    """How long a set waits for its last frame, from its first; 0: one period and 2 ms. Frames that come
    out of order by more than this are late."""
    tolerance_ns: int = 0
    """How far frames of one pulse may lie apart when clocks are known well; 0: a 32nd of the period."""
    silent_ns: int = 60 * _NS_PER_MS
    """A camera that says nothing for so long while others deliver is lost."""
    max_drift_ppm: int = 100
    """Two clocks run apart no faster than this."""
    synchronised: bool = False
    """Clocks share one time from the start (PTP): offsets begin at 0 instead of at a clock sample."""
    id_modulus: int | None = None
    """Ids start again after so many: 65535 for GigE Vision 1.x (1..65535), 65536 for plain 16 bits,
    None for 64 bits."""

    def __post_init__(self) -> None:
        if self.cameras < 1 or self.period_ns <= 0:
            raise ConfigurationError(
                f"can't synchronise {self.cameras} cameras with a trigger period of {self.period_ns} ns: "
                "expected at least one camera and a positive period (1 s / trigger rate)"
            )
        object.__setattr__(self, "wait_ns", self.wait_ns or self.period_ns + 2 * _NS_PER_MS)
        object.__setattr__(self, "tolerance_ns", self.tolerance_ns or self.period_ns // 32)
        if not 0 < self.tolerance_ns <= self.reach_ns // 2 or min(self.wait_ns, self.silent_ns) <= 0:
            raise ConfigurationError(
                f"sync: tolerance {self.tolerance_ns} ns, wait {self.wait_ns} ns, silence "
                f"{self.silent_ns} ns; expected positive times and a tolerance of at most "
                f"{self.reach_ns // 2} ns, an eighth of the trigger period {self.period_ns} ns (0 chooses it)"
            )

    @property
    def reach_ns(self) -> int:
        """Frames further apart than this never meet: half of the way to the middle between two pulses."""
        return self.period_ns // 4

    @property
    def apart_ns(self) -> int:
        """Two exposures of one camera closer than this answer one pulse."""
        return self.period_ns // 2

    @property
    def doubt_ns(self) -> int:
        """How uncertain a clock may be: two such clocks stay within the reach."""
        return (self.reach_ns - self.tolerance_ns) // 2
