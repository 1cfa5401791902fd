"""How often clouds are made, and whether that is as often as was asked for."""

_LOOK_S = 5.0
"""So long it counts before it says how it gets on."""
_ENOUGH = 0.8
"""Of what was asked for: less is said."""


class Pace:
    """Counts on a clock that the caller reads; a turn that is late is not made up for."""

    def __init__(self, rate_hz: float, *, now_s: float) -> None:
        self._rate_hz, self._due_s = rate_hz, now_s
        self._last_seq = 0
        self._begin(now_s)

    def left_s(self, now_s: float) -> float:
        """Return how long to wait until the next turn."""
        return max(0.0, self._due_s - now_s)

    def turned(self, seq: int, *, begun_s: float, now_s: float) -> None:
        """Count a turn about the answer of that number; the next one is due a period after this one was."""
        period_s = 1.0 / self._rate_hz
        self._due_s = max(self._due_s + period_s, now_s - period_s)
        if self._first_seq is None:
            self._begun_s, self._first_seq = begun_s, seq
        self._turns, self._busy_s, self._last_seq = self._turns + 1, self._busy_s + now_s - begun_s, seq

    def shortfall(self, now_s: float) -> str | None:
        """Return what is wrong with the pace, empty where nothing is; `None` between two looks.

        No more clouds are wanted than answers came.
        """
        passed_s = now_s - self._begun_s
        if passed_s < _LOOK_S:
            return None
        answers = 0 if self._first_seq is None else self._last_seq - self._first_seq + 1
        made_hz, wanted_hz = self._turns / passed_s, min(self._rate_hz, answers / passed_s)
        busy = self._busy_s / passed_s
        self._begin(now_s)
        if made_hz >= _ENOUGH * wanted_hz:
            return ""
        return f"can't follow: {made_hz:.1f} of {self._rate_hz:g} clouds/s, busy for {busy:.0%} of the time"

    def _begin(self, now_s: float) -> None:
        self._begun_s, self._turns, self._busy_s = now_s, 0, 0.0
        self._first_seq: int | None = None
