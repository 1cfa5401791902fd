"""Exposes the virtual rig's light at every trigger pulse and publishes what its sensors make of it."""

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from mvmono3d.core.rig_file import read_rig
from mvmono3d.deploy.cameras.virtual_knock import Knocked
from mvmono3d.deploy.cameras.virtual_orders import LightOrder, Order, RigOrder, take_index
from mvmono3d.deploy.cameras.virtual_truth import rig_path
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.ring.writer import RingFrame, RingWriter
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture

_NS = 1_000_000_000
_THREADS = 2


@runtime_checkable
class Light(Protocol):
    """What reaches the sensors of several cameras, frame by frame."""

    @property
    def frames(self) -> int:
        """How many frames there are."""
        ...

    @property
    def views(self) -> int:
        """How many cameras there are."""
        ...

    def of(self, frame: int) -> list[np.ndarray]:
        """Return the light of each view; overwritten by the next call."""
        ...


class _Exposed(NamedTuple):
    """A frame set that waits for its pulse."""

    slots: list[int]
    lighting: Lighting


class Shutter:
    """Has the next frame set ready when it is due.

    With pulses of its own it makes the pictures half a period before: cameras take no processor, and whoever
    works on the last frame set shall have it.
    """

    def __init__(self, order: RigOrder, light: Light, ring: RingWriter) -> None:
        self._order, self._light, self._ring = order, light, ring
        self._lighting = order.lighting
        self._sensor = SensorSettings()
        self._frame_id = 0
        self._pool = ThreadPoolExecutor(_THREADS)
        knock = order.source.knock
        self._knocked = None if knock is None else Knocked(read_rig(rig_path(order.source)), knock)

    def run(self, orders: "queue.SimpleQueue[Order | None]") -> None:
        """Expose pulse after pulse until the orders end."""
        own, period_ns = self._order.own_trigger, round(_NS / self._order.rate_hz)
        at_once = not own or self._order.source.live
        exposed, pulse_ns = self._expose(), time.monotonic_ns() + period_ns
        while True:
            if exposed is None and at_once:
                exposed, pulse_ns = self._expose(), _unmissed(pulse_ns, period_ns)
            due_ns = pulse_ns if exposed is not None else pulse_ns - period_ns // 2
            order = _wait(orders, due_ns if own else None)
            if order is _END:
                return
            if isinstance(order, LightOrder):
                self._lighting = order.lighting
            elif exposed is None:
                exposed, pulse_ns = self._expose(), _unmissed(pulse_ns, period_ns)
            else:
                self._publish(exposed, pulse_ns if own else time.monotonic_ns())
                exposed, pulse_ns = None, pulse_ns + period_ns

    def _expose(self) -> _Exposed:
        """Make the images of the next frame, in the ring's memory."""
        order, lighting = self._order, self._lighting
        lights = self._light.of(take_index(self._frame_id, self._light.frames))
        if self._knocked is not None:
            lights = self._knocked.of(lights, frame_id=self._frame_id)
        exposure = Exposure(
            exposure_s=lighting.exposure_ns / _NS, gain=lighting.gain, strobe=min(lighting.strobe, 1.0)
        )
        places = [self._ring.reserve(view) for view in range(len(lights))]

        def one(view: int) -> None:
            part = lights[view][order.top : order.top + order.height, order.left : order.left + order.width]
            key = noise_key(order.source.seed, frame=self._frame_id, view=view)
            take_picture(part, exposure, self._sensor, key=key, bits=order.bits, out=places[view][1])

        list(self._pool.map(one, range(len(lights))))
        return _Exposed([slot for slot, _ in places], lighting)

    def _publish(self, exposed: _Exposed, at_ns: int) -> None:
        end_ns = at_ns + exposed.lighting.exposure_ns
        time.sleep(max(0, end_ns - time.monotonic_ns()) / _NS)
        for view, slot in enumerate(exposed.slots):
            self._ring.commit(view, slot)
        frames = [
            RingFrame(
                view=view,
                slot=slot,
                frame_id=self._frame_id,
                device_ns=at_ns,
                host_ns=time.monotonic_ns(),
                lighting=exposed.lighting,
            )
            for view, slot in enumerate(exposed.slots)
        ]
        self._ring.publish(frames, time_ns=at_ns)
        self._frame_id += 1


def _unmissed(pulse_ns: int, period_ns: int) -> int:
    """Return the next pulse: one during the work for the last one finds the cameras busy, and is missed."""
    return pulse_ns + period_ns * max(0, -(-(time.monotonic_ns() - pulse_ns) // period_ns))


class _End:
    """No orders will come any more."""


class _Due:
    """The time of the next pulse has come."""


_END, _DUE = _End(), _Due()


def _wait(orders: "queue.SimpleQueue[Order | None]", due_ns: int | None) -> Order | _End | _Due:
    """Return the next order, or that the pulse is due."""
    try:
        if due_ns is None:
            order = orders.get()
        else:
            order = orders.get(timeout=max(0, due_ns - time.monotonic_ns()) / _NS)
    except queue.Empty:
        return _DUE
    return _END if order is None else order
