"""Frame ids of one camera: unwrapped, remembered for a while, and judged against the clock."""

_REMEMBERED = 64


class FrameIds:
    """The newest ids of one camera with their device times.

    GigE Vision 1.x counts blocks 1..65535 (0 is reserved), later transports in 64 bits; the modulus says so.
    """

    __slots__ = ("_modulus", "newest", "newest_ns", "times")

    def __init__(self, *, modulus: int | None) -> None:
        self._modulus = modulus
        self.newest = 0
        self.newest_ns = 0
        self.times: dict[int, int] = {}
        """Device time by unwrapped id; empty after `forget`."""

    def unwrap(self, frame_id: int) -> int:
        """Return the id as a number that never starts again."""
        if self._modulus is None or not self.times:
            return frame_id
        step = (frame_id - self.newest) % self._modulus
        return self.newest + (step if 2 * step <= self._modulus else step - self._modulus)

    def restarted(self, number: int, device_ns: int) -> bool:
        """Say whether the camera counts from the beginning again: an old id at a new time."""
        return bool(self.times) and number <= self.newest and device_ns > self.newest_ns

    def repeated(self, number: int, device_ns: int) -> bool:
        """Say whether this very exposure was delivered before: two exposures never share a time."""
        if not self.times or (number > self.newest and device_ns > self.newest_ns):
            return False
        return device_ns in self.times.values()

    def ordered(self, number: int, device_ns: int) -> bool:
        """Say whether ids and times run the same way, between this frame and its remembered neighbours."""
        if not self.times or (number > self.newest and device_ns > self.newest_ns):
            return True
        if number in self.times or self.newest - number > _REMEMBERED:
            return False
        before = [time for other, time in self.times.items() if other < number]
        after = [time for other, time in self.times.items() if other > number]
        return (not before or max(before) < device_ns) and (not after or device_ns < min(after))

    def remember(self, number: int, device_ns: int) -> None:
        """Keep a frame; the oldest one is forgotten."""
        if not self.times or number > self.newest:
            self.newest, self.newest_ns = number, device_ns
        self.times[number] = device_ns
        if len(self.times) > _REMEMBERED:
            del self.times[next(iter(self.times))]

    def forget(self) -> None:
        """Begin anew, after the clock or the count did."""
        self.times.clear()
