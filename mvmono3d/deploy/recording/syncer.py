"""The thread that makes bytes durable, so that a slow disk holds up nobody else.

It alone syncs. A sync that fails ends its segment: the kernel may have dropped the pages and reports success
the next time (https://wiki.postgresql.org/wiki/Fsync_Errors).
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from mvmono3d.deploy.recording.files import FileLayer
from mvmono3d.deploy.recording.segment import Segment


class Syncer:
    """Syncs the current segment at an interval, and publishes or drops those that are done."""

    def __init__(self, folder: Path, *, files: FileLayer, interval_s: float) -> None:
        self.free_bytes: int | None = None
        """Room on the disk at the last look; None before the first, or where it can't be told."""
        self._folder, self._files, self._interval_s = folder, files, interval_s
        self._current: Segment | None = None
        self._leaving: deque[Segment] = deque()
        self._wake = threading.Condition()
        self._ending = False
        self._look()
        self._thread = threading.Thread(target=self._run, name="recording-sync", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether anybody syncs."""
        return self._thread.is_alive()

    def follow(self, segment: Segment) -> None:
        """Sync this segment from now on."""
        with self._wake:
            self._current = segment

    def settle(self, segment: Segment) -> None:
        """Bring a segment to its end: publish it, or, where it has an error, keep what can be kept."""
        with self._wake:
            self._current = None if self._current is segment else self._current
            self._leaving.append(segment)
            self._wake.notify()

    def close(self) -> None:
        """Return when every segment has settled."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._leaving and not self._ending:
                    self._wake.wait(self._interval_s)
                leaving = [self._leaving.popleft() for _ in range(len(self._leaving))]
                current, ending = self._current, self._ending
            for segment in leaving:
                self._end(segment)
            if current is not None and current.error is None:
                self._try(current, current.sync)
            self._look()
            if ending and not leaving:
                return

    def _end(self, segment: Segment) -> None:
        if segment.error is None:
            self._try(segment, segment.publish)
        elif not segment.sync_failed:
            self._try(segment, segment.sync)
        self._try(segment, segment.give_up)
        segment.settled = True

    def _try(self, segment: Segment, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            segment.error = segment.error or error

    def _look(self) -> None:
        try:
            self.free_bytes = self._files.free_bytes(self._folder)
        except OSError:
            self.free_bytes = None
