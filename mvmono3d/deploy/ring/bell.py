"""A bell beside a ring: it wakes the one process that waits for frame sets, where there is one.

Who waits makes the pipe; the writer of the ring looks for it at every set, and never waits itself.
"""

import os
import select

from mvmono3d.deploy.ring.pipe import drain_pipe, find_pipe, open_pipe, write_pipe


class Bell:
    """The writer's end."""

    def __init__(self, ring: str) -> None:
        self._name, self._pipe = _name_of(ring), -1

    def ring(self) -> None:
        """Wake who waits, if anybody does."""
        if self._pipe >= 0 and not os.fstat(self._pipe).st_nlink:
            # Its listener is gone for good; another one may have made a pipe of that name.
            self.close()
        if self._pipe < 0:
            self._pipe = find_pipe(self._name)
        if self._pipe >= 0:
            write_pipe(self._pipe, b"\0")

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


class Listener:
    """The end of the one who waits; the writer may come later, go, and come again."""

    def __init__(self, ring: str) -> None:
        self._pipe = open_pipe(_name_of(ring))

    def wait(self, seconds: float) -> bool:
        """Return when a set was published since the last call, or so many seconds are over."""
        if not select.select([self._pipe], [], [], seconds)[0]:
            return False
        drain_pipe(self._pipe)
        return True

    def close(self) -> None:
        """Let go; safe to call twice. The pipe stays for the next listener (`remove_pipes` deletes it)."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def _name_of(ring: str) -> str:
    return f"{ring}.sets"
