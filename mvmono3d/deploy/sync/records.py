"""What goes into the assembler of frame sets and what comes out of it.

Every time is an `int` of nanoseconds: device times exceed 2^53, which a float can't hold.
"""

from dataclasses import dataclass
from enum import Enum


class FrameStatus(Enum):
    """What the transport says of a buffer."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


class Cause(Enum):
    """Why a delivered frame is in no frame set: each lost frame has exactly one."""

    INCOMPLETE = "incomplete"
    """Parts of the image are missing."""
    DUPLICATE = "duplicate"
    """Its id or its time was delivered before."""
    DOUBLE_TRIGGER = "double_trigger"
    """The camera exposed twice for one trigger."""
    LATE = "late"
    """Its frame set has left already."""
    UNSYNCHRONISED = "unsynchronised"
    """The camera's clock could not be related to the others' in time."""
    FORMAT = "format"
    """Its size or pixel format is not the one the rig was set to."""
    OVERRUN = "overrun"
    """Its memory was used again before its frame set left."""
    STOPPED = "stopped"
    """Capture ended while the frame waited."""


class Absence(Enum):
    """Why a camera has no frame in a frame set."""

    MISSED_TRIGGER = "missed_trigger"
    """It did not expose: its ids go on without a gap, only the time shows it."""
    GAP = "gap"
    """Its id is missing or its frame was refused: lost or damaged on the way, or too late."""
    SILENT = "silent"
    """Nothing newer had come when the set had to leave."""
    UNSYNCHRONISED = "unsynchronised"
    """Its clock was not known."""
    CAMERA_LOST = "camera_lost"
    """The camera is gone."""


class Happening(Enum):
    """What the operator and the health page are told."""

    SYNC_LOST = "sync_lost"
    SYNC_CONFIRMED = "sync_confirmed"
    SYNC_REGAINED = "sync_regained"
    SAMPLE_REFUSED = "sample_refused"
    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    IDS_RESTARTED = "ids_restarted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One delivered frame, without its pixels."""

    camera: int
    frame_id: int
    device_ns: int
    """Start of exposure on the camera's own clock."""
    host_ns: int
    """When the host received it, on the host's monotonic clock."""
    status: FrameStatus = FrameStatus.COMPLETE
    slot: int = 0
    """Where its pixels lie; only carried along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSample:
    """A camera's clock, latched between two readings of the host's clock."""

    host_before_ns: int
    device_ns: int
    host_after_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSet:
    """The frames of one trigger pulse."""

    number: int
    """Counts sets, from 0."""
    time_ns: int
    """Start of exposure on the rig's clock: the mean of the frames whose clocks are known well."""
    spread_ns: int
    """Greatest distance of two of its frames on the rig's clock."""
    frames: tuple[Frame, ...]
    """In the order of the cameras; a camera of `absent` has none."""
    absent: tuple[tuple[int, Absence], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A frame that is in no frame set, and why."""

    frame: Frame
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a camera."""

    camera: int
    happening: Happening
    host_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one call decided: each frame ever pushed appears once, in a set or as a loss."""

    sets: tuple[FrameSet, ...] = ()
    losses: tuple[Loss, ...] = ()
    events: tuple[Event, ...] = ()
