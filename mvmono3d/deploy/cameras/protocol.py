"""The one protocol of all cameras: live behind GenTL, replayed from a recording, or rendered.

backend.open(); backend.configure(settings); backend.start()
while not backend.ended:
    backend.poll(sink)          # never waits
backend.stop(); backend.close()

Cameras are asked for by serial number; everywhere else `camera` is the position in that list. All calls
come from one thread. `stop`, `close` and `health` never raise, whatever happened to the cameras.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from mvmono3d.deploy.cameras.records import AppliedSettings, CameraHealth, CameraSettings, RigInfo
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.sync.records import ClockSample, FrameStatus

AT_ONCE = 8
"""Frames per camera in one poll: what is copied must leave before its memory is used again."""


class Delivery(NamedTuple):
    """A frame that a camera has just delivered; its pixels are there only while the sink is called."""

    camera: int
    frame_id: int
    """As the camera counts."""
    device_ns: int
    """Start of exposure on the camera's own clock."""
    host_ns: int
    """When it reached the host, as far as that is known, on the backend's host clock (`now_ns`)."""
    status: FrameStatus
    height: int
    width: int
    bits: int
    """8: uint8; 10 or 12: uint16 with the signal in the low bits."""
    lighting: Lighting | None
    """How it was taken; None: not told, so what was last set holds."""
    copy_to: Callable[[np.ndarray], None]
    """Copy the image, without padding and unpacked, into a `height width` array of uint8 or uint16."""


Sink = Callable[[Delivery], None]


@runtime_checkable
class CameraBackend(Protocol):
    """Several triggered cameras; an error of one is never an error of the others."""

    @property
    def serials(self) -> tuple[str, ...]:
        """The cameras, in the order of their numbers."""
        ...

    @property
    def ended(self) -> bool:
        """Say whether no frame will ever come again: a recording is over. Live cameras never end."""
        ...

    def now_ns(self) -> int:
        """Return the host clock of deliveries and clock samples; never goes back.

        `time.monotonic_ns()`, except where time itself is replayed faster or slower.
        """
        ...

    def open(self) -> RigInfo:
        """Find and open every camera.

        Raises `UnknownNameError` for a serial number that is not there (the message lists those that are)
        and `CameraError` where a camera can't be opened.
        """
        ...

    def configure(self, settings: CameraSettings) -> tuple[AppliedSettings, ...]:
        """Set all cameras and read back what they took; only between `open` and `start`, or after `stop`.

        What differs is reported, not raised: whoever calls decides whether it matters.
        Raises `CameraError` if a camera is lost.
        """
        ...

    def start(self) -> None:
        """Arm all cameras; when this returns, every one waits for its trigger.

        What some of them exposed before all were armed is thrown away, and was never delivered.
        Raises `CameraError` if a camera is lost.
        """
        ...

    def poll(self, sink: Sink) -> int:
        """Hand waiting frames to the sink; returns how many.

        `AT_ONCE` times the number of cameras, if there are so many or more: then some may still wait.
        Never waits, and never raises because a camera is lost.
        Incomplete frames are handed over too (`status`), so that every frame is accounted for. Frames that
        are torn down unseen (at `stop`, or with a lost camera) were never delivered.
        """
        ...

    def adjust(self, lighting: Lighting) -> None:
        """Set exposure, gain and strobe of all cameras while they run; from which frame on, `Delivery` tells.

        A camera that refuses says so in its `health`.
        """
        ...

    def clock_sample(self, camera: int) -> ClockSample | None:
        """Read a camera's clock between two readings of `now_ns`; None if it can't be read."""
        ...

    def trigger(self) -> None:
        """Make every connected camera expose, with `Trigger.SOFTWARE`; does nothing with another trigger."""
        ...

    def health(self, camera: int) -> CameraHealth:
        """Say how a camera is; cheap, except that reading a temperature costs a register access."""
        ...

    def reconnect(self, camera: int) -> bool:
        """Go on getting a camera back that is lost; returns whether it is there, set and armed as before.

        Never waits, so that the others go on: attempts run beside, and the backend paces them. Call it as
        often as you like, also for a camera that is there.
        """
        ...

    def stop(self) -> None:
        """Disarm all cameras; safe to call twice, and on lost cameras."""
        ...

    def close(self) -> None:
        """Let go of everything; safe to call twice, and on lost cameras."""
        ...
