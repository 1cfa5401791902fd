"""A capture on the simulated rig whose clock stands: pulses, faults, and what came out."""

import time
import uuid
from dataclasses import dataclass, field

import msgspec

from mvmono3d.deploy.cameras.harvesters import HarvestersBackend
from mvmono3d.deploy.cameras.records import CameraSettings
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.cameras.sources import HarvestersSource
from mvmono3d.deploy.cameras.stamp import read_stamp
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.capture.session import Capture
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.ring.reader import RingReader, RingSet
from tests.deploy.producers import RIG, producers

PERIOD_NS = 10_000_000
STEP_NS = 500_000
CAMERAS = CameraSettings(width=64, height=8, rate_hz=1e9 / PERIOD_NS, ptp=False, buffers=16)


@dataclass
class Bench:
    """Steps a capture along the rig's clock and reads every set that it publishes."""

    simulator: Simulator
    settings: CaptureSettings
    sets: list[RingSet] = field(default_factory=list)
    ledgers: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        backend = HarvestersBackend(RIG, producers=producers(), now_ns=self.simulator.now_ns)
        self.capture = Capture(self.settings, backend, pid=1)
        self.backend = backend

    def __enter__(self) -> "Bench":
        try:
            self.capture.open()
            self.reader = RingReader(self.settings.ring)
        except BaseException:
            self.capture.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.capture.close()
        self.reader.close()

    def pulse(self, count: int = 1) -> None:
        """Pulses a period apart; the capture looks every half millisecond in between."""
        for _ in range(count):
            self.simulator.pulse(self.simulator.now_ns() + STEP_NS)
            self.wait(PERIOD_NS - STEP_NS)

    def wait(self, duration_ns: int) -> None:
        end_ns = self.simulator.now_ns() + duration_ns
        while self.simulator.now_ns() < end_ns:
            self.step()
            self.simulator.advance(min(self.simulator.now_ns() + STEP_NS, end_ns))
        self.step()

    def step(self) -> None:
        self.capture.step()
        accounts = self.health().accounts
        self.ledgers.append(accounts is not None and accounts.balanced)
        while (found := self.reader.next()) is not None:
            self.sets.append(found)

    def await_return(self, camera: int) -> None:
        """Let a camera come back: that takes real time, in which the rig's stands."""
        end_s = time.monotonic() + 20
        while not self.backend.reconnect(camera):
            assert time.monotonic() < end_s
            time.sleep(0.002)

    def health(self) -> CaptureHealth:
        return self.capture.health(CaptureState.RUNNING)

    def mixed(self) -> int:
        """Sets that hold frames of two pulses, by what is stamped into the pixels."""
        return sum(len(set(pulses)) > 1 for pulses in map(pulses_of, self.sets))

    def complete(self) -> list[int]:
        """Pulses of the sets in which every camera is."""
        return [pulses_of(each)[0] for each in self.sets if each.present.all()]


def pulses_of(found: RingSet) -> list[int]:
    return [read_stamp(found.images[view]).pulse for view in range(4) if found.present[view]]


def bench(simulator: Simulator, **changes: object) -> Bench:
    settings = CaptureSettings(
        source=HarvestersSource(serials=RIG), cameras=CAMERAS, ring=f"test-{uuid.uuid4().hex}"
    )
    return Bench(simulator, msgspec.structs.replace(settings, **changes))
