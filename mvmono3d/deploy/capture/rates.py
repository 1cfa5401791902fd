"""What happened in the last second: frame sets, and the longest time without a look at the cameras."""

_SECOND_NS = 1_000_000_000


class Rates:
    """Counts within a second and keeps the result of the one before."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._last_ns = self._sets = self._longest_ns = 0
        self.sets_hz = 0.0
        self.longest_step_ms = 0.0

    def step(self, now_ns: int, *, sets: int) -> None:
        """Take note of one step."""
        if self._since_ns is None:
            self._since_ns = self._last_ns = now_ns
        self._sets += sets
        self._longest_ns = max(self._longest_ns, now_ns - self._last_ns)
        self._last_ns = now_ns
        passed_ns = now_ns - self._since_ns
        if passed_ns >= _SECOND_NS:
            self.sets_hz = self._sets * _SECOND_NS / passed_ns
            self.longest_step_ms = self._longest_ns / 1e6
            self._since_ns, self._sets, self._longest_ns = now_ns, 0, 0
