"""How the tests of this folder open simulated cameras and look at their frames."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from mvmono3d.deploy.cameras.stamp import Stamp, read_stamp

SMALL = {"Width": 64, "Height": 8}
HARDWARE = {"TriggerMode": "On", "TriggerSource": "Line0"}
START_NS = 10**18
PERIOD_NS = 10_000_000
BITS = {"Mono8": 8, "Mono10": 10, "Mono12": 12, "Mono12p": 12}


@dataclass(frozen=True)
class Seen:
    """One frame as a consumer sees it."""

    frame_id: int
    timestamp_ns: int
    pixels: np.ndarray
    stamp: Stamp


@contextmanager
def camera(harvester: Any, serial: str, *, buffers: int = 8, **nodes: Any) -> Iterator[Any]:
    """A camera that waits for the trigger line unless told otherwise, with a small image."""
    acquirer = create(harvester, serial, buffers=buffers, **nodes)
    try:
        yield acquirer
    finally:
        acquirer.destroy()


def create(harvester: Any, serial: str, *, buffers: int = 8, **nodes: Any) -> Any:
    before = signal.getsignal(signal.SIGINT)
    acquirer = harvester.create({"serial_number": serial})
    signal.signal(signal.SIGINT, before)  # harvesters puts its own handler there
    for name, value in {**SMALL, **HARDWARE, **nodes}.items():
        getattr(acquirer.remote_device.node_map, name).value = value
    acquirer.num_buffers = buffers
    return acquirer


def nodes_of(acquirer: Any) -> Any:
    return acquirer.remote_device.node_map


def frames(acquirer: Any, *, bits: int = 8, wait_s: float = 0.0) -> list[Seen]:
    """Every frame that waits for delivery, or comes within `wait_s` after the last one."""
    seen = []
    while acquirer.data_streams[0].module.num_awaiting_delivery or wait_s:
        buffer = acquirer.try_fetch(timeout=wait_s or 0.05)
        if buffer is None:
            if wait_s:
                break
            continue  # harvesters swallowed an incomplete one
        component = buffer.payload.components[0]
        pixels = component.data.reshape(component.height, component.width).copy()
        stamp = read_stamp(pixels, bits=bits)
        seen.append(Seen(buffer.module.frame_id, buffer.timestamp_ns, pixels, stamp))
        buffer.queue()
    return seen


def pulse_train(simulator: Any, count: int, *, first_ns: int = START_NS) -> None:
    for number in range(count):
        simulator.pulse(first_ns + number * PERIOD_NS)
