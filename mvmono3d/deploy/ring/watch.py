"""A ring that may not be there yet, and whose writer may die and come back."""

import time

import numpy as np
from jaxtyping import Int64

from mvmono3d.deploy.ring.reader import RingReader, RingRecord, RingSet
from mvmono3d.errors import InvalidFileError

_LOOK_S = 0.1


class RingWatch:
    """Reads a ring by its name, whichever process writes it at the moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._reader: RingReader | None = None
        self._looked_s = 0.0
        self._skipped = 0
        self.first = -1
        """Number of the first set that this could have read; -1 before there was a ring."""

    @property
    def skipped(self) -> int:
        """Sets that `newest` passed over because a newer one was there."""
        return self._skipped + (0 if self._reader is None else self._reader.skipped)

    @property
    def there(self) -> bool:
        """Say whether a ring is attached."""
        return self._reader is not None

    def newest(self) -> RingRecord | None:
        """Return what the ring says of its newest set, if that was not asked for yet."""
        found = None if self._reader is None else self._reader.newest()
        if found is None:
            self._look()
        return found

    def at(self, number: int, *, boxes: Int64[np.ndarray, "view 4"] | None = None) -> RingSet | None:
        """Return the set of this number; None where it is not there any more. See `RingReader.at`."""
        found = None if self._reader is None else self._reader.at(number, boxes=boxes)
        if found is None:
            self._look()
            found = None if self._reader is None else self._reader.at(number, boxes=boxes)
        return found

    def at_time(self, time_ns: int) -> RingSet | None:
        """Return the set of that time while it is there."""
        self._look()
        number = None if self._reader is None else self._reader.number_at(time_ns)
        return None if number is None else self.at(number)

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._reader is not None:
            self._skipped += self._reader.skipped
            self._reader.close()
            self._reader = None

    def _look(self) -> None:
        """Attach to the ring that is there now, now and then."""
        now_s = time.monotonic()
        if self._reader is not None and now_s - self._looked_s < _LOOK_S:
            return
        self._looked_s = now_s
        if self._reader is not None and not self._reader.closed and self._reader.writer_lives:
            return
        try:
            found = RingReader(self._name)
        except InvalidFileError:
            return
        if not found.writer_lives:
            found.close()
            return
        self.close()
        oldest = found.rewind()
        self.first = oldest if self.first < 0 else self.first
        self._reader = found
