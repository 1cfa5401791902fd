"""Cameras that see the synthetic world: rendered in a process of their own, taken from its shared memory.

All cameras share one clock, `time.monotonic_ns()`, and are there or lost together, with that process. The
renderer is never imported here.
"""

import os
import time
from functools import partial
from itertools import count

import msgspec
import numpy as np

from mvmono3d.core.rig_file import read_rig
from mvmono3d.deploy.cameras.protocol import Delivery, Sink
from mvmono3d.deploy.cameras.records import (
    AppliedSettings,
    CameraHealth,
    CameraInfo,
    CameraSettings,
    ClockKind,
    Difference,
    RigInfo,
    Trigger,
)
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_orders import LightOrder, Pulse, RigOrder
from mvmono3d.deploy.cameras.virtual_process import RenderProcess
from mvmono3d.deploy.cameras.virtual_truth import rig_path
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.ring.reader import RingSet
from mvmono3d.deploy.sync.records import ClockSample, FrameStatus
from mvmono3d.errors import CameraError

_NAMES = count()
_MOST_SETS = 4
"""Frame sets handed over in one poll at most."""


class VirtualBackend:
    """The virtual rig; see `CameraBackend` for what each method promises."""

    def __init__(self, source: VirtualSource) -> None:
        """Open nothing yet."""
        self._source = source
        self._size = (0, 0)
        self._settings: CameraSettings | None = None
        self._lighting = Lighting(exposure_ns=1_000_000)
        self._process: RenderProcess | None = None
        self._delivered, self._message = 0, ""
        self._ring = f"virtual-{os.getpid()}-{next(_NAMES)}"

    @property
    def serials(self) -> tuple[str, ...]:
        """See `CameraBackend`."""
        return self._source.serials

    @property
    def ended(self) -> bool:
        """Say that it never ends."""
        return False

    def now_ns(self) -> int:
        """See `CameraBackend`."""
        return time.monotonic_ns()

    def open(self) -> RigInfo:
        """Read the rig; raises `CameraError` where it has another number of cameras than serial numbers."""
        rig = read_rig(rig_path(self._source))
        if len(rig.names) != len(self.serials):
            raise CameraError(
                f"virtual rig {rig_path(self._source)}: {len(self.serials)} cameras are asked for, it has "
                f"{len(rig.names)}"
            )
        width, height = np.asarray(rig.camera.size_px)[0].tolist()
        self._size = (width, height)
        return RigInfo(
            source=f"virtual scene {self._source.scene!r}, seed {self._source.seed}",
            cameras=tuple(
                CameraInfo(
                    serial=serial,
                    vendor="MVMono3D",
                    model="virtual",
                    user_name=name,
                    link="shared memory",
                    sensor_width=width,
                    sensor_height=height,
                )
                for serial, name in zip(self.serials, rig.names, strict=True)
            ),
        )

    def configure(self, settings: CameraSettings) -> tuple[AppliedSettings, ...]:
        """Take the settings; a region beyond the sensor is cut."""
        self._lighting = settings.lighting
        left, top = min(settings.left, self._size[0] - 1), min(settings.top, self._size[1] - 1)
        width, height = min(settings.width, self._size[0] - left), min(settings.height, self._size[1] - top)
        self._settings = msgspec.structs.replace(settings, left=left, top=top, width=width, height=height)
        got = {"left": left, "top": top, "width": width, "height": height}
        differences = tuple(
            Difference(setting=name, asked=str(getattr(settings, name)), got=str(value))
            for name, value in got.items()
            if getattr(settings, name) != value
        )
        return tuple(
            AppliedSettings(
                serial=serial,
                width=width,
                height=height,
                pixel_format=settings.pixel_format,
                lighting=settings.lighting,
                clock=ClockKind.SHARED,
                buffers=settings.buffers,
                payload_bytes=width * height * (1 if settings.bits == 8 else 2),
                differences=differences,
            )
            for serial in self.serials
        )

    def start(self) -> None:
        """Start the renderer and wait until it is ready: the first time it renders for some ten seconds."""
        self.stop()
        self._process = RenderProcess(self._rig_order())
        self._process.ready(wait=True)
        self._message = ""

    def poll(self, sink: Sink) -> int:
        """Hand over the frame sets that are there."""
        reader = None if self._process is None else self._process.reader
        handed = 0
        for _ in range(_MOST_SETS):
            found = None if reader is None else reader.next()
            if found is None:
                break
            handed += self._deliver(found, sink)
        return handed

    def adjust(self, lighting: Lighting) -> None:
        """See `CameraBackend`."""
        self._lighting = lighting
        if self._process is not None:
            self._process.tell(LightOrder(lighting=lighting))

    def clock_sample(self, camera: int) -> ClockSample | None:
        """Read the clock, which is the host's."""
        del camera
        now_ns = self.now_ns()
        return ClockSample(host_before_ns=now_ns, device_ns=now_ns, host_after_ns=now_ns)

    def trigger(self) -> None:
        """See `CameraBackend`."""
        wanted = self._settings is not None and self._settings.trigger is Trigger.SOFTWARE
        if wanted and self._process is not None:
            self._process.tell(Pulse())

    def health(self, camera: int) -> CameraHealth:
        """See `CameraBackend`: all cameras are one process."""
        del camera
        process = self._process
        lost = process is not None and not process.alive
        return CameraHealth(
            connected=not lost,
            delivered=self._delivered,
            underruns=0 if process is None or process.reader is None else process.reader.skipped,
            message="the virtual rig's process has ended" if lost else self._message,
        )

    def reconnect(self, camera: int) -> bool:
        """Start the renderer again where it has ended."""
        del camera
        if self._process is None:
            return False
        if not self._process.alive:
            self._process.end()
            self._process = RenderProcess(self._rig_order())
        try:
            return self._process.ready(wait=False)
        except CameraError as error:
            self._message = str(error)
            return False

    def stop(self) -> None:
        """See `CameraBackend`."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def close(self) -> None:
        """See `CameraBackend`."""
        self.stop()

    def _rig_order(self) -> RigOrder:
        settings = self._settings
        if settings is None:
            raise CameraError("virtual rig: started before it was configured; call open and configure first")
        return RigOrder(
            source=self._source,
            ring=self._ring,
            left=settings.left,
            top=settings.top,
            width=settings.width,
            height=settings.height,
            bits=settings.bits,
            rate_hz=settings.rate_hz,
            own_trigger=settings.trigger is not Trigger.SOFTWARE,
            lighting=self._lighting,
        )

    def _deliver(self, found: RingSet, sink: Sink) -> int:
        now_ns = self.now_ns()
        for camera, image in enumerate(found.images):
            self._delivered += camera == 0
            sink(
                Delivery(
                    camera=camera,
                    frame_id=int(found.frame_id[camera]),
                    device_ns=int(found.device_ns[camera]),
                    host_ns=now_ns,
                    status=FrameStatus.COMPLETE,
                    height=image.shape[0],
                    width=image.shape[1],
                    bits=self._settings.bits if self._settings is not None else 8,
                    lighting=Lighting(
                        exposure_ns=int(found.exposure_ns[camera]),
                        gain=float(found.gain[camera]),
                        strobe=float(found.strobe[camera]),
                    ),
                    copy_to=partial(_copy, image),
                )
            )
        return len(found.images)


def _copy(image: np.ndarray, target: np.ndarray) -> None:
    np.copyto(target, image)
