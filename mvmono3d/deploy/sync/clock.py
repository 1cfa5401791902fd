"""Where a camera's clock stands on the rig's clock, and how well that is known.

The rig's clock is the mean of the cameras' clocks, as far as frames of one pulse tie them together; a
clock sample ties it to the host. All in integers.
"""

from mvmono3d.deploy.sync.records import ClockSample

_MILLION = 1_000_000
_GAIN_BITS = 3
"""A residual moves the offset by 1/8: a drift of 100 ppm at 120 Hz then lags 7 us, jitter shrinks 4-fold."""


class CameraClock:
    """Offset of one camera's clock from the rig's; unknown until `set`."""

    __slots__ = ("_drift_ppm", "_known_at_ns", "doubt_ns", "offset_ns")

    def __init__(self, *, max_drift_ppm: int) -> None:
        self._drift_ppm = max_drift_ppm
        self._known_at_ns: int | None = None
        self.offset_ns = 0
        self.doubt_ns = 0

    def set(self, *, offset_ns: int, doubt_ns: int, device_ns: int | None) -> None:
        """Begin anew: `rig = device - offset` within the doubt, at this device time."""
        self.offset_ns, self.doubt_ns, self._known_at_ns = offset_ns, doubt_ns, device_ns

    def doubt_at(self, device_ns: int) -> int:
        """Return how uncertain the offset is: what it was, and what may have drifted since."""
        if self._known_at_ns is None:
            self._known_at_ns = device_ns
        return self.doubt_ns + abs(device_ns - self._known_at_ns) * self._drift_ppm // _MILLION

    def track(self, device_ns: int, residual_ns: int) -> None:
        """Follow the drift: a frame lay `residual_ns` after the mean of its set."""
        half = 1 << (_GAIN_BITS - 1)
        self.offset_ns += (residual_ns + half) >> _GAIN_BITS
        self.doubt_ns -= self.doubt_ns >> _GAIN_BITS
        self._known_at_ns = device_ns


class HostClock:
    """How far the rig's clock leads the host's, from clock samples of cameras that are trusted."""

    __slots__ = ("_drift_ppm", "_known_at_ns", "doubt_ns", "lead_ns")

    def __init__(self, *, max_drift_ppm: int) -> None:
        self._drift_ppm = max_drift_ppm
        self._known_at_ns: int | None = None
        self.lead_ns = 0
        self.doubt_ns = 0

    @property
    def known(self) -> bool:
        """Say whether any sample has tied the two clocks."""
        return self._known_at_ns is not None

    def start(self, host_ns: int) -> None:
        """Let the rig's clock be the host's, where nothing else defines it."""
        self.lead_ns, self.doubt_ns, self._known_at_ns = 0, 0, host_ns

    def doubt_at(self, host_ns: int) -> int:
        """Return how uncertain the lead is."""
        since = host_ns - (host_ns if self._known_at_ns is None else self._known_at_ns)
        return self.doubt_ns + abs(since) * self._drift_ppm // _MILLION

    def offset_of(self, sample: ClockSample) -> tuple[int, int]:
        """Return a camera's offset from the rig's clock and its doubt, from a sample alone."""
        middle, half = _bracket(sample)
        return sample.device_ns - middle - self.lead_ns, half + self.doubt_at(middle)

    def learn(self, sample: ClockSample, *, offset_ns: int) -> None:
        """Take a sample of a trusted camera: the lead moves only as far as the bracket demands."""
        middle, half = _bracket(sample)
        measured = sample.device_ns - offset_ns - middle
        doubt = self.doubt_at(middle)
        if self._known_at_ns is None or half < doubt:
            self.lead_ns, self.doubt_ns, self._known_at_ns = measured, half, middle
        else:
            lead_ns = min(max(self.lead_ns, measured - half), measured + half)
            # What had to be corrected was doubted too little.
            self.doubt_ns = min(doubt + abs(lead_ns - self.lead_ns), half)
            self.lead_ns, self._known_at_ns = lead_ns, middle


def _bracket(sample: ClockSample) -> tuple[int, int]:
    width = sample.host_after_ns - sample.host_before_ns
    return sample.host_before_ns + width // 2, (width + 1) // 2


def usable(sample: ClockSample, *, doubt_ns: int) -> bool:
    """Say whether a sample is ordered and its bracket narrow enough to tell pulses apart."""
    width = sample.host_after_ns - sample.host_before_ns
    return 0 <= width <= 2 * doubt_ns
