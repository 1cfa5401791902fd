"""What the loop's process is told, and what it says."""

import msgspec

from mvmono3d.deploy.loop.state import StepSettings
from mvmono3d.deploy.server.messages import ClientMessage


class LoopOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The first line on its input."""

    name: str
    """Of ring, channels and stream."""
    rig: str
    skeleton: str
    """Name or file."""
    bundle: str | None
    """Folder; `None`: robust triangulation answers."""
    engine: str = "cpu"
    threads: int = 1
    patience_s: float = 0.25
    """A detector that does not answer for longer is gone on without."""
    notes: tuple[str, ...] = ()
    """Warnings that go with every answer, from the beginning: what a rehearsal is."""
    first_seq: int = 0
    actors: int = 1
    """So many are told apart at most; 1: whoever is there is the one."""
    settings: StepSettings = StepSettings()


class RigState(msgspec.Struct, frozen=True, kw_only=True):
    """Later lines: how everything else is."""

    parts: dict[str, str] = {}
    """State of each process, in words."""
    warnings: tuple[str, ...] = ()
    """What is wrong now."""
    exposure_ns: int | None = None
    gain_db: float | None = None
    recording: str | None = None
    """Name of the take that is being recorded."""


class LoopReport(msgspec.Struct, frozen=True, kw_only=True, tag="report", tag_field="says"):
    """What it says once a second."""

    seq: int
    """Of the last answer."""
    sets_hz: float
    """Answers in the last second."""
    first: int
    """Number of the first frame set that it could have had, -1 before there was a ring: that one and all that
    followed were answered or overtaken."""
    skipped: int
    """Frame sets that a newer one overtook, since it began."""
    unanswered: int
    """Frame sets that the detector did not answer for, since it began."""
    latency_ms: float
    """From mid-exposure to publishing; median of the last second, as all of these."""
    stages_ms: dict[str, float]
    views: int
    """Cameras in the last set."""
    cameras: int
    actors: int
    degraded: str
    """Why robust triangulation answers; empty where it does not."""


class Relay(msgspec.Struct, frozen=True, kw_only=True, tag="relay", tag_field="says"):
    """A client's command that others carry out."""

    command: ClientMessage


class FirstPose(msgspec.Struct, frozen=True, kw_only=True, tag="first_pose", tag_field="says"):
    """The first answer with somebody in it was published."""
