"""What a capture process is told when it starts."""

import msgspec

from mvmono3d.deploy.cameras.records import AppliedSettings, CameraSettings, ClockKind
from mvmono3d.deploy.cameras.sources import Source
from mvmono3d.deploy.exposure.brightness import Region
from mvmono3d.deploy.exposure.control import LightingLimits
from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.sync.settings import SyncSettings
from mvmono3d.errors import ConfigurationError


class CaptureSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cameras, how they are set, and where their frame sets go."""

    source: Source
    cameras: CameraSettings
    ring: str = "live"
    """Name of the ring in shared memory."""
    ring_buffers: int = 40
    """Images of each camera that the ring holds; `ring_sets` of them belong to the newest sets."""
    ring_sets: int = 16
    control: LightingLimits | None = None
    """Closed-loop control of exposure, gain and strobe; None: they stay as they were set."""
    region: Region | None = None
    """Part of the image whose brightness counts; None: all of it."""
    realtime: bool = False
    """Ask the operating system to run capture before everything else (needs the right to do so)."""
    id_modulus: int | None = None
    """See `SyncSettings`: 65535 for GigE Vision 1 cameras with 16-bit block ids."""
    tolerance_ns: int = 0
    wait_ns: int = 0
    """See `SyncSettings`; 0: they follow from the trigger rate."""

    def layout(self, views: int) -> RingLayout:
        """Return the ring for so many cameras."""
        return RingLayout(
            views=views,
            height=self.cameras.height,
            width=self.cameras.width,
            itemsize=1 if self.cameras.bits == 8 else 2,
            buffers=self.ring_buffers,
            sets=self.ring_sets,
        )

    def sync(self, applied: tuple[AppliedSettings, ...]) -> SyncSettings:
        """Return how frames are brought together, given how these cameras tell time.

        Raises `ConfigurationError` where some cameras tell time and others don't.
        """
        kinds = {each.clock for each in applied}
        if ClockKind.NONE in kinds and len(kinds) > 1:
            silent = [each.serial for each in applied if each.clock is ClockKind.NONE]
            raise ConfigurationError(
                f"cameras {', '.join(silent)} have no clock that can be read, the others do: their frames "
                "can't be brought together; expected timestamps from all cameras, or from none"
            )
        host_time = ClockKind.NONE in kinds
        return SyncSettings(
            cameras=len(applied),
            period_ns=self.cameras.period_ns,
            wait_ns=self.wait_ns,
            # Arrival on the host is late by whatever was in the way.
            tolerance_ns=self.tolerance_ns or (self.cameras.period_ns // 8 if host_time else 0),
            synchronised=kinds <= {ClockKind.SHARED} or host_time,
            id_modulus=self.id_modulus,
        )
