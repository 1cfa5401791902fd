"""Control of the simulated rig from the process that loaded its producer.

`harvesters` and this module load the same file, so that both see the same cameras. Another process is
controlled by the file that the environment variable `MVMONO3D_RIG` names; deploy/gentl_simulator/README.md
lists its settings.
"""

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path

from mvmono3d.deploy.cameras.producer import producer
from mvmono3d.errors import ConfigurationError

_EVERY_CAMERA = 2**64 - 1


class FaultKind(IntEnum):
    """What can go wrong at a pulse; the comment says what the fault's argument means."""

    MISSED_TRIGGER = 1
    LOST_FRAME = 2
    INCOMPLETE = 3
    LATE = 4  # [ns] later than it would arrive
    DUPLICATE = 5
    DOUBLE_TRIGGER = 6  # [ns] between the two exposures; 0 is 200 µs
    CLOCK_JUMP = 7  # [ns] added to the camera's clock
    CLOCK_RESET = 8  # [ns] that the camera's clock then reads
    CLOCK_DRIFT = 9  # [parts per billion] that the camera's clock runs fast
    DEVICE_LOST = 10  # 0: cable unplugged, 1: power lost; back after the fault's last pulse
    UNDERRUN = 11
    DARK = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What became of one camera's pulses and frames since the reset.

    `pulses = missed + refused + exposed - doubled`, and at every moment
    `exposed + duplicated = delivered + lost + underruns + discarded + in_flight`.
    """

    pulses: int
    """Edges that reached the camera while it waited for them."""
    missed: int
    refused: int
    """Came during an exposure or a readout."""
    exposed: int
    doubled: int
    lost: int
    duplicated: int
    delivered: int
    underruns: int
    discarded: int
    """Arrived after the stop, or while the camera was unplugged."""
    in_flight: int
    incomplete: int
    """Among the delivered."""
    late: int
    strobes: int


class Simulator:
    """The simulated rig of this process. There is one, however often this is constructed."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the producer; raises `ConfigurationError` when its configuration file is wrong.

        Args:
            path: The `.cti` file; by default the one that `producer()` returns.
        """
        self.path = path or producer()
        self._library = _declare(ctypes.CDLL(str(self.path)))
        count = self._check(self._library.rig_load())
        self.serials = tuple(self._library.rig_serial(camera).decode() for camera in range(count))

    def now_ns(self) -> int:
        """Return rig time: the machine's wall clock, or the standing clock's time."""
        return self._library.rig_now()

    def pulse(self, at_ns: int | None = None, *, cameras: Iterable[int] | None = None) -> int:
        """Send one edge on the trigger line and return its number.

        With a standing clock, frames that are not late have been delivered when this returns.

        Args:
            at_ns: Rig time of the edge; now by default.
            cameras: Those that the edge reaches; all by default.
        """
        mask = _EVERY_CAMERA if cameras is None else sum(1 << camera for camera in set(cameras))
        return self._check(self._library.rig_pulse(-1 if at_ns is None else at_ns, mask))

    def advance(self, to_ns: int) -> None:
        """Move a standing clock to a rig time, delivering what falls due."""
        self._check(self._library.rig_advance(to_ns))

    def start_pulses(self, rate_hz: float, *, count: int = 0) -> None:
        """Send regular edges; a count of 0 is without end."""
        self._check(self._library.rig_pulses(rate_hz, count))

    def stop_pulses(self) -> None:
        """Stop regular edges."""
        self._check(self._library.rig_pulses(0.0, 0))

    def reset(self, at_ns: int | None = None) -> None:
        """Make every camera well again; counters and pulse numbers begin at 0.

        Args:
            at_ns: Rig time to which a standing clock is set.
        """
        self._check(self._library.rig_reset(-1 if at_ns is None else at_ns))

    def set(self, name: str, value: float) -> None:
        """Change one of the configuration file's numbers while the rig runs."""
        self._check(self._library.rig_set(name.encode(), value))

    def stand(self, at_ns: int) -> None:
        """Reset the rig and let its clock stand at a rig time, to be moved by `pulse` and `advance`."""
        self.set("realtime", 0)
        self.reset(at_ns)

    def fault(self, camera: int, kind: FaultKind, *, pulse: int, count: int = 1, argument: int = 0) -> None:
        """Let something go wrong from a pulse on, for `count` pulses."""
        self._check(self._library.rig_fault(camera, kind, pulse, count, argument))

    def clock(self, camera: int, reads_ns: int, *, drift_ppm: float = 0, jitter_ns: int = 0) -> None:
        """Set what a camera's own clock reads now, how fast it runs and how it trembles."""
        self._check(self._library.rig_clock(camera, reads_ns, drift_ppm, jitter_ns))

    def unplug(self, camera: int, *, power_lost: bool = False) -> None:
        """Lose a camera; with its power it also loses its settings and its time."""
        self._check(self._library.rig_connect(camera, 0, int(power_lost)))

    def plug_in(self, camera: int) -> None:
        """Bring a lost camera back; the broken connection stays broken until it is closed."""
        self._check(self._library.rig_connect(camera, 1, 0))

    def temperature(self, camera: int, celsius: float) -> None:
        """Set a camera's temperature."""
        self._check(self._library.rig_temperature(camera, celsius))

    def source(self, camera: int, path: Path | None, *, bytes_per_sample: int = 1) -> None:
        """Serve frames from a file of raw frames or a ring; `None` goes back to the ramp.

        Args:
            camera: Which one.
            path: Full sensor frames, one after the other, or a file that `FrameRing` fills.
            bytes_per_sample: Of raw frames: 1, or 2 with 12 bits of signal, little endian.
        """
        name = b"" if path is None else str(path).encode()
        self._check(self._library.rig_source(camera, name, bytes_per_sample))

    def counters(self, camera: int) -> Counters:
        """Return what became of a camera's pulses and frames."""
        names = [field.name for field in fields(Counters)]
        values = (ctypes.c_uint64 * len(names))()
        self._check(self._library.rig_counters(camera, values, len(names)))
        return Counters(**dict(zip(names, values, strict=True)))

    def _check(self, answer: int) -> int:
        if answer < 0:
            raise ConfigurationError(f"simulated rig: {self._library.rig_error().decode()}")
        return answer


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    i32, i64, u64, f64, text = (
        ctypes.c_int, ctypes.c_int64, ctypes.c_uint64, ctypes.c_double, ctypes.c_char_p,
    )  # fmt: skip
    signatures = {
        "rig_error": (text, []),
        "rig_load": (i32, []),
        "rig_serial": (text, [i32]),
        "rig_now": (i64, []),
        "rig_pulse": (i64, [i64, u64]),
        "rig_advance": (i32, [i64]),
        "rig_pulses": (i32, [f64, u64]),
        "rig_reset": (i32, [i64]),
        "rig_set": (i32, [text, f64]),
        "rig_fault": (i32, [i32, i32, u64, u64, i64]),
        "rig_clock": (i32, [i32, i64, f64, i64]),
        "rig_connect": (i32, [i32, i32, i32]),
        "rig_temperature": (i32, [i32, f64]),
        "rig_source": (i32, [i32, text, ctypes.c_uint32]),
        "rig_counters": (i32, [i32, ctypes.POINTER(u64), i32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
