"""When to stop for want of room: before the disk is full, so that the last segment can be ended well."""

import time

from mvmono3d.deploy.recording.settings import RecorderSettings

_SETTLED_S = 1.0


class Watermark:
    """Knows how fast a recording grows, and how much room it needs to end."""

    def __init__(self, settings: RecorderSettings) -> None:
        self._settings = settings
        self._began_s = time.monotonic()
        self._sizes: dict[int, int] = {}

    def written(self, segment: int, size_bytes: int) -> None:
        """Note how large a segment is now."""
        self._sizes[segment] = size_bytes

    @property
    def bytes_per_s(self) -> float:
        """Mean rate so far; 0 in the first second, which says little."""
        elapsed = time.monotonic() - self._began_s
        return sum(self._sizes.values()) / elapsed if elapsed > _SETTLED_S else 0.0

    def seconds_left(self, free_bytes: int) -> float:
        """How long this much room lasts."""
        rate = self.bytes_per_s
        return free_bytes / rate if rate else float("inf")

    def reason_to_stop(self, free_bytes: int | None) -> str:
        """Return why recording must stop, or nothing; what can't be told doesn't stop it."""
        needed = max(self._settings.stop_below_bytes, int(self._settings.stop_below_s * self.bytes_per_s))
        if free_bytes is None or free_bytes >= needed:
            return ""
        return f"{free_bytes / 1e9:.2f} GB free on the disk, {needed / 1e9:.2f} GB are kept for ending well"
