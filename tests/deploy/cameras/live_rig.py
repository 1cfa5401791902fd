"""How tests open the simulated rig through the camera protocol, with a clock that stands."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from mvmono3d.deploy.cameras.harvesters import HarvestersBackend
from mvmono3d.deploy.cameras.protocol import Delivery
from mvmono3d.deploy.cameras.records import CameraSettings
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.cameras.stamp import Stamp, read_stamp
from mvmono3d.deploy.sync.records import FrameStatus
from tests.deploy.producers import RIG, producers

SETTINGS = CameraSettings(width=64, height=8, rate_hz=100, ptp=False, buffers=8)


@dataclass
class Pictures:
    """A sink that keeps what it is given."""

    seen: list[tuple[Delivery, np.ndarray]] = field(default_factory=list)
    incomplete: list[Delivery] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> None:
        if delivery.status is FrameStatus.INCOMPLETE:
            self.incomplete.append(delivery)
            return
        image = np.zeros((delivery.height, delivery.width), np.uint8 if delivery.bits == 8 else np.uint16)
        delivery.copy_to(image)
        self.seen.append((delivery, image))

    def stamps(self, camera: int) -> list[Stamp]:
        return [read_stamp(image, bits=each.bits) for each, image in self.seen if each.camera == camera]

    def pulses(self, camera: int) -> list[int]:
        return [stamp.pulse for stamp in self.stamps(camera)]


@contextmanager
def live_rig(
    simulator: Simulator, settings: CameraSettings = SETTINGS, *, serials: tuple[str, ...] = RIG
) -> Iterator[HarvestersBackend]:
    backend = HarvestersBackend(serials, producers=producers(), now_ns=simulator.now_ns)
    backend.open()
    try:
        backend.configure(settings)
        backend.start()
        yield backend
    finally:
        backend.stop()
        backend.close()


def pulse(simulator: Simulator, backend: HarvestersBackend, sink: Callable[[Delivery], None]) -> None:
    """One pulse after another period, and everything that it brings."""
    simulator.pulse(simulator.now_ns() + SETTINGS.period_ns)
    simulator.advance(simulator.now_ns() + SETTINGS.period_ns // 2)
    while backend.poll(sink):
        pass


def await_return(backend: HarvestersBackend, camera: int) -> None:
    end_s = time.monotonic() + 20
    while not backend.reconnect(camera):
        assert time.monotonic() < end_s, backend.health(camera).message
        time.sleep(0.002)
