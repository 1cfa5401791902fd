"""A run of the live cameras through everything that can happen to them; for the sanitizers.

python -m tests.deploy.gentl.worked_rig FILE.cti SECONDS
"""

import sys
import time
from pathlib import Path

import numpy as np

from mvmono3d.deploy.cameras.harvesters import HarvestersBackend
from mvmono3d.deploy.cameras.protocol import Delivery
from mvmono3d.deploy.cameras.records import CameraSettings
from mvmono3d.deploy.cameras.simulator import FaultKind, Simulator
from mvmono3d.deploy.cameras.stamp import read_stamp
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.sync.records import FrameStatus

RATE_HZ = 100.0
FORMATS = ("Mono8", "Mono12p", "Mono12")


def main() -> int:
    """Work the rig; returns 0 if frames came from every camera."""
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    simulator = Simulator(path)
    simulator.set("light", 1)
    backend = HarvestersBackend(simulator.serials, producers=(str(path),))
    seen = [0] * len(simulator.serials)

    def take(delivery: Delivery) -> None:
        if delivery.status is FrameStatus.COMPLETE:
            image = np.zeros((delivery.height, delivery.width), np.uint8 if delivery.bits == 8 else np.uint16)
            delivery.copy_to(image)
            seen[delivery.camera] += read_stamp(image, bits=delivery.bits).frame_id == delivery.frame_id

    backend.open()
    for pixel_format in FORMATS:
        settings = CameraSettings(
            width=320, height=64, rate_hz=RATE_HZ, pixel_format=pixel_format, ptp_wait_s=0.3, buffers=8
        )
        backend.configure(settings)
        backend.start()
        work(simulator, backend, take, seconds=seconds / len(FORMATS))
        backend.stop()
    backend.close()
    sys.stdout.write(f"frames {seen}\n")
    return 0 if min(seen) > 0 else 1


def work(simulator: Simulator, backend: HarvestersBackend, take, *, seconds: float) -> None:
    """Pulses, every fault, an unplugged camera, exposures and clock samples, all at once."""
    simulator.start_pulses(RATE_HZ)
    kinds = [kind for kind in FaultKind if kind is not FaultKind.DEVICE_LOST]
    begin_s, turn = time.monotonic(), 0
    while time.monotonic() - begin_s < seconds:
        turn += 1
        next_pulse = simulator.counters(0).pulses + 3
        simulator.fault(turn % 4, kinds[turn % len(kinds)], pulse=next_pulse, argument=turn * 100_000)
        if turn % 8 == 3:
            simulator.unplug(3, power_lost=turn % 16 == 3)
        elif turn % 8 == 5:
            simulator.plug_in(3)
        backend.adjust(Lighting(exposure_ns=500_000 + turn % 5 * 100_000))
        for camera in range(4):
            backend.clock_sample(camera)
            backend.health(camera)
        until_s = time.monotonic() + 0.05
        while time.monotonic() < until_s:
            backend.poll(take)
            backend.reconnect(3)
            time.sleep(0.001)
    simulator.stop_pulses()
    simulator.plug_in(3)
    until_s = time.monotonic() + 60
    # Pulled and back between two looks, a camera seems to be there until it is asked something.
    while not (backend.health(3).connected and backend.reconnect(3)) and time.monotonic() < until_s:
        backend.reconnect(3)
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
