"""The virtual rig's own process: renders, exposes at every trigger pulse, and shows frame sets in a ring.

Started by `virtual.VirtualBackend`: one line on the input says what to render, later ones change the light
or are trigger pulses; the end of the input ends it. One line on the output says that it is ready, or why
not.
"""

import logging
import os
import queue
import sys
import threading

import msgspec
import numpy as np

from mvmono3d.deploy.cameras.sources import MEETINGS
from mvmono3d.deploy.cameras.virtual_meeting import meeting_pictures, rendered_meeting
from mvmono3d.deploy.cameras.virtual_orders import Order, Ready, RigOrder
from mvmono3d.deploy.cameras.virtual_scene import pictures_of, rendered_take
from mvmono3d.deploy.cameras.virtual_shutter import Light, Shutter
from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.ring.writer import RingWriter
from mvmono3d.errors import MVMono3DError
from mvmono3d.synthetic.render.take import Canvas, Pictures, Take

_LOG = logging.getLogger(__name__)
_TELL_EVERY = 0.1


class LoopedLight:
    """The light of a take."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._canvases = [Canvas(empty) for empty in take.empty]
        self.frames, self.views = take.frames, len(take.empty)

    def of(self, frame: int) -> list[np.ndarray]:
        """See `Light`."""
        return [canvas.show(self._take.patch(frame, view)) for view, canvas in enumerate(self._canvases)]


class LiveLight:
    """The light of a scene that is rendered now."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self.frames, self.views = pictures.frames, len(pictures.empty)

    def of(self, frame: int) -> list[np.ndarray]:
        """See `Light`."""
        return list(self._pictures.frame(frame).light)


def main() -> int:
    """Render until the input ends; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="virtual rig: %(message)s", stream=sys.stderr)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=RigOrder)
    try:
        light = _light_of(order)
        layout = RingLayout(
            views=light.views,
            height=order.height,
            width=order.width,
            itemsize=1 if order.bits == 8 else 2,
            buffers=16,
            sets=12,
        )
        with RingWriter(order.ring, layout) as ring:
            shutter = Shutter(order, light, ring)
            _say(Ready())
            shutter.run(_orders())
    except MVMono3DError as error:
        _say(Ready(error=str(error)))
        return error.exit_code
    return 0


def _say(ready: Ready) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
    sys.stdout.buffer.flush()


def _orders() -> "queue.SimpleQueue[Order | None]":
    """Read orders beside, so that the shutter can wait for its next pulse; None is the end."""
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            orders.put(msgspec.json.decode(line, type=Order))
        orders.put(None)

    threading.Thread(target=read, daemon=True).start()
    return orders


def _light_of(order: RigOrder) -> Light:
    source, exposure_ns = order.source, order.lighting.exposure_ns
    meeting = source.scene in MEETINGS
    if source.live:
        shown = meeting_pictures if meeting else pictures_of
        return LiveLight(shown(source, rate_hz=order.rate_hz, exposure_ns=exposure_ns))
    told, parent = [0.0], os.getppid()

    def progress(done: int, frames: int) -> None:
        if os.getppid() != parent:
            # Whoever wanted the pictures is gone.
            sys.exit(1)
        if done == frames or done / frames >= told[0] + _TELL_EVERY:
            told[0] = done / frames
            _LOG.info("%d of %d frames rendered (once: they are kept for the next start)", done, frames)

    rendered = rendered_meeting if meeting else rendered_take
    return LoopedLight(rendered(source, rate_hz=order.rate_hz, exposure_ns=exposure_ns, progress=progress))


if __name__ == "__main__":
    sys.exit(main())
