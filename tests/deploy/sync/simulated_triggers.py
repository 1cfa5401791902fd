"""Streams of frames with every fault a triggered rig knows, and the pulse each frame truly belongs to.

A frame's `slot` says the truth: twice its pulse, plus one if it is a second exposure of that pulse.
"""

from dataclasses import dataclass

import numpy as np

from mvmono3d.deploy.sync.records import ClockSample, Frame, FrameStatus

PERIOD_NS = 8_333_333
HOST_NS = 5_000_000_000_000
DEVICE_NS = 1_763_000_000_000_000_000
MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Probabilities are per frame, except for the trigger and the steps, which are per pulse."""

    missed: float = 0.0
    lost: float = 0.0
    incomplete: float = 0.0
    late: float = 0.0
    late_ns: int = 50 * MS
    reordered: float = 0.0
    duplicate: float = 0.0
    double: float = 0.0
    blank: float = 0.0
    stalls: float = 0.0
    """The host stops for 40 ms."""
    steps: tuple[tuple[int, int, int], ...] = ()
    """Pulse, camera, nanoseconds by which its clock jumps."""
    resets: tuple[tuple[int, int], ...] = ()
    """Pulse, camera whose clock begins at zero again, without another sign."""
    outages: tuple[tuple[int, int, int], ...] = ()
    """First pulse, end, camera that is gone; it comes back with a new clock and new ids."""
    drift_ppb: tuple[int, ...] = (0,)
    jitter_ns: int = 300_000
    """Mean of what queues add to the way to the host."""
    bracket_ns: int = 600_000
    synchronised: bool = False


class World:
    """One run of a rig: `events` in the order of arrival, and clocks that can be latched."""

    def __init__(
        self, *, pulses: int, cameras: int, faults: Faults, seed: int, id_modulus: int | None = None,
        first_id: int = 1,
    ) -> None:  # fmt: skip
        self.random = np.random.default_rng(seed)
        self.pulses, self.cameras, self.faults = pulses, cameras, faults
        self.id_modulus, self.first_id = id_modulus, first_id
        self.time_ns = HOST_NS + np.arange(pulses, dtype=np.int64) * PERIOD_NS
        self.fired = self.random.random(pulses) >= faults.blank
        self.stalls_ns = self.time_ns[self.random.random(pulses) < faults.stalls]
        self.exposed = np.zeros((pulses, cameras), dtype=bool)
        self.delivered = np.zeros((pulses, cameras), dtype=bool)
        """The genuine frame arrives whole, and no later than in order."""
        self.base_ns = [
            DEVICE_NS if faults.synchronised else DEVICE_NS + int(self.random.integers(10**15))
            for _ in range(cameras)
        ]
        streams = [self._stream(camera) for camera in range(cameras)]
        merged = {name: np.concatenate([stream[name] for stream in streams]) for name in streams[0]}
        order = np.lexsort((merged["camera"], merged["host_ns"]))
        self.events = list(zip(*(merged[name][order].tolist() for name in merged), strict=True))

    def frames(self):
        """Frames in the order of arrival."""
        for camera, frame_id, device_ns, host_ns, incomplete, slot in self.events:
            yield Frame(
                camera=camera, frame_id=frame_id, device_ns=device_ns, host_ns=host_ns, slot=slot,
                status=FrameStatus.INCOMPLETE if incomplete else FrameStatus.COMPLETE,
            )  # fmt: skip

    def alive(self, camera: int, time_ns: int) -> bool:
        pulse = (time_ns - HOST_NS) // PERIOD_NS
        return not any(start <= pulse < end for start, end, which in self.faults.outages if which == camera)

    def latch(self, camera: int, host_ns: int) -> ClockSample | None:
        """Read a camera's clock now; None from a camera that is gone."""
        if not self.alive(camera, host_ns):
            return None
        width = self.faults.bracket_ns // 4 + int(self.random.integers(self.faults.bracket_ns))
        moment = host_ns + int(self.random.integers(width + 1))
        device_ns = int(self._device(camera, np.array([moment]))[0])
        return ClockSample(host_before_ns=host_ns, device_ns=device_ns, host_after_ns=host_ns + width)

    def _device(self, camera: int, time_ns: np.ndarray) -> np.ndarray:
        drift_ppb = self.faults.drift_ppb[camera % len(self.faults.drift_ppb)]
        since = time_ns - HOST_NS
        device = since + since * drift_ppb // 10**9 + self.base_ns[camera]
        for pulse, step_ns in self._jumps(camera):
            device = device + np.where(time_ns >= HOST_NS + pulse * PERIOD_NS - PERIOD_NS // 8, step_ns, 0)
        return device

    def _jumps(self, camera: int):
        faults = self.faults
        yield from ((pulse, step_ns) for pulse, which, step_ns in faults.steps if which == camera)
        restarts = [pulse for pulse, which in faults.resets if which == camera]
        restarts += [end for _, end, which in faults.outages if which == camera]
        reached = 0
        for pulse in sorted(restarts):
            # From the clock's value before to a few milliseconds after its birth.
            now = self.base_ns[camera] + pulse * PERIOD_NS + reached
            yield pulse, 5 * MS - now
            reached += 5 * MS - now

    def _stream(self, camera: int) -> dict[str, np.ndarray]:
        faults, random = self.faults, self.random
        there = self.fired & (random.random(self.pulses) >= faults.missed)
        for start, end, which in faults.outages:
            if which == camera:
                there[start:end] = False
        self.exposed[:, camera] = there
        pulse = np.flatnonzero(there)
        again = pulse[random.random(len(pulse)) < faults.double]
        shift = (random.uniform(0.06, 0.45, len(again)) * PERIOD_NS).astype(np.int64)
        exposure_ns = np.concatenate([self.time_ns[pulse], self.time_ns[again] + shift])
        slot = np.concatenate([pulse * 2, again * 2 + 1])
        order = np.argsort(exposure_ns)
        return self._deliver(camera, exposure_ns[order], slot[order])

    def _deliver(self, camera: int, exposure_ns: np.ndarray, slot: np.ndarray) -> dict[str, np.ndarray]:
        faults, random, count = self.faults, self.random, len(slot)
        way = 3 * MS + camera * MS // 4 + random.exponential(faults.jitter_ns, count).astype(np.int64)
        host_ns = np.maximum.accumulate(exposure_ns + way)
        for stall_ns in self.stalls_ns:
            held = (host_ns >= stall_ns) & (host_ns < stall_ns + 40 * MS)
            host_ns = np.where(held, stall_ns + 40 * MS, host_ns)
        late, reordered, lost, incomplete, twice = (
            random.random(count) < chance
            for chance in (faults.late, faults.reordered, faults.lost, faults.incomplete, faults.duplicate)
        )
        host_ns = host_ns + np.where(late, faults.late_ns, np.where(reordered, PERIOD_NS + MS // 4, 0))
        jitter = random.integers(-2000, 2001, count)
        whole = ~(lost | incomplete | late) & (slot % 2 == 0)
        self.delivered[slot[whole] // 2, camera] = True
        stream = {
            "camera": np.full(count, camera),
            "frame_id": self._ids(camera, slot // 2),
            "device_ns": self._device(camera, exposure_ns) + jitter,
            "host_ns": host_ns,
            "incomplete": incomplete,
            "slot": slot,
        }
        kept, copies = np.flatnonzero(~lost), np.flatnonzero(~lost & twice & ~incomplete)
        stream = {name: np.concatenate([array[kept], array[copies]]) for name, array in stream.items()}
        stream["host_ns"][len(kept) :] += random.integers(MS // 10, 3 * MS, len(copies))
        return stream

    def _ids(self, camera: int, pulse: np.ndarray) -> np.ndarray:
        count = np.arange(len(pulse), dtype=np.int64)
        for _, end, which in self.faults.outages:
            if which == camera:
                begin = int(np.searchsorted(pulse, end))
                count[begin:] = np.arange(len(pulse) - begin) - self.first_id + 1
        ids = count + self.first_id
        if self.id_modulus is None:
            return ids
        # GigE Vision never uses 0.
        return (ids - 1) % self.id_modulus + 1 if self.id_modulus == 65535 else ids % self.id_modulus
