"""How a capture process is, as anybody can read it at any moment."""

from enum import StrEnum

import msgspec

from mvmono3d.deploy.cameras.records import AppliedSettings, CameraHealth, RigInfo
from mvmono3d.deploy.exposure.alarms import Alarm
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.sync.camera import State
from mvmono3d.deploy.sync.ledger import Accounts


class CaptureState(StrEnum):
    """What the process is at."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    """As it was asked to, or because the recording that it plays is over."""
    FAILED = "failed"
    """`message` says why."""


class ViewHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one camera is, and what is thought of it."""

    serial: str
    sync: State
    """Whether its frames can be used."""
    alarm: Alarm | None = None
    """What is wrong with its pictures."""
    times_lost: int = 0
    """How often its connection broke."""
    message: str = ""
    """The last complaint about its frames."""
    camera: CameraHealth
    """As it says itself; asked about once a second."""


class CaptureHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a capture process. Its ledger is exact: all numbers are of one moment."""

    pid: int
    state: CaptureState
    message: str = ""
    host_ns: int = 0
    """When this was written, on the backend's host clock."""
    rig: RigInfo | None = None
    applied: tuple[AppliedSettings, ...] = ()
    accounts: Accounts | None = None
    """Delivered = used + in hand + losses by cause, for each camera."""
    views: tuple[ViewHealth, ...] = ()
    lighting: Lighting | None = None
    """What all cameras are asked for."""
    sets_hz: float = 0.0
    """Frame sets in the last second."""
    longest_step_ms: float = 0.0
    """Longest time between two looks at the cameras in the last second."""
