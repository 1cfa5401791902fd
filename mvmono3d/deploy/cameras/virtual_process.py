"""The starter's end of the virtual rig's process."""

import select
import subprocess
import sys
from contextlib import suppress

import msgspec

from mvmono3d.deploy.cameras.virtual_orders import LightOrder, Pulse, Ready, RigOrder
from mvmono3d.deploy.ring.memory import remove_ring
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.errors import CameraError

_MODULE = "mvmono3d.deploy.cameras.virtual_rig"
_END_S = 5.0


class RenderProcess:
    """A process that renders into a ring."""

    def __init__(self, order: RigOrder) -> None:
        """Start it; `ready` says when its cameras wait for their trigger."""
        self._ring = order.ring
        remove_ring(order.ring)
        self.reader: RingReader | None = None
        """Of its frame sets, once it is ready."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._write(order)

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ready(self, *, wait: bool) -> bool:
        """Return whether it renders; raises `CameraError` where it can't, with the reason."""
        output = self._process.stdout
        if self.reader is not None or output is None:
            return self.reader is not None
        readable, _, _ = select.select([output], [], [], None if wait else 0)
        if not readable:
            return False
        line = output.readline()
        if not line:
            raise CameraError(f"the virtual rig's process ended with code {self._process.wait()}")
        answer = msgspec.json.decode(line, type=Ready)
        if answer.error:
            raise CameraError(f"virtual rig: {answer.error}")
        self.reader = RingReader(self._ring)
        self.reader.rewind()
        return True

    def tell(self, order: LightOrder | Pulse) -> None:
        """Give an order; a process that has ended gets none."""
        if self.alive:
            self._write(order)

    def end(self) -> None:
        """End it; safe to call twice."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self.reader is not None:
            self.reader.close()
        remove_ring(self._ring)

    def _write(self, order: RigOrder | LightOrder | Pulse) -> None:
        if self._process.stdin is None:
            return
        try:
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            # It has just ended: `alive` tells.
            return
