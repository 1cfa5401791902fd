"""When which camera's clock is read."""

from collections.abc import Iterable

_REGULAR_NS = 1_000_000_000
_AGAIN_NS = 5_000_000
_NO_ANSWER_NS = 100_000_000


class ClockSchedule:
    """A sample of each camera every second, one camera after the other; more often where one is wanted."""

    def __init__(self, cameras: int) -> None:
        self._asked_ns: list[int | None] = [None] * cameras
        self._regular_ns = [0] * cameras
        self._pause_ns = [0] * cameras

    def due(self, now_ns: int, wanted: Iterable[int]) -> tuple[int, ...]:
        """Return the cameras whose clocks should be read now."""
        wanted = set(wanted)
        return tuple(
            camera
            for camera, asked_ns in enumerate(self._asked_ns)
            if asked_ns is None
            or now_ns >= self._regular_ns[camera]
            or (camera in wanted and now_ns - asked_ns >= self._pause_ns[camera])
        )

    def asked(self, camera: int, now_ns: int, *, answered: bool) -> None:
        """Take note that a clock was read."""
        first = self._asked_ns[camera] is None
        # The first time spreads the cameras over the second.
        share = (camera + 1) / len(self._asked_ns) if first else 1.0
        self._regular_ns[camera] = now_ns + int(_REGULAR_NS * share)
        self._asked_ns[camera] = now_ns
        self._pause_ns[camera] = _AGAIN_NS if answered else _NO_ANSWER_NS
