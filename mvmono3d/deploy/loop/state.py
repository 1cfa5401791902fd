"""What the loop remembers from frame set to frame set. It begins empty."""

from dataclasses import dataclass

import msgspec

from mvmono3d.association.tracks import Tracks
from mvmono3d.deploy.detect.windows import Track, Windows
from mvmono3d.deploy.loop.reconstructor import Memory
from mvmono3d.deploy.server.messages import Box


class StepSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the loop decides; times count on the rig's clock, so that a replay decides alike."""

    least_confidence: float = 0.2
    """Of a detection that counts."""
    least_measured: float = 0.3
    """Share of an actor's joints that must be measured for its windows to follow."""
    lose_s: float = 1.5
    """An actor that nobody saw for longer is lost: coming back, it is somebody new."""
    noise_memory_s: float = 2.0
    """Time constant of the detector's noise, as it states it."""
    first_noise_px: float = 2.0
    """Taken until the detector has stated it."""
    retry_s: float = 5.0
    """After a failure of the learned reconstructor it is tried again after so long."""
    search_s: float = 0.5
    """With several actors: so often the whole images are searched for somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who is followed."""

    identity: int
    memory: Memory
    track: Track | None
    """`None` until the first pose."""
    seen_ns: int
    """When views last showed enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopState:
    """Everything that the answer for a frame set depends on, beside the set itself."""

    actors: tuple[Actor, ...] = ()
    next_identity: int = 0
    time_ns: int | None = None
    """Of the last frame set."""
    noise_px: float | None = None
    region: Box | None = None
    """Actors are looked for in this box only."""
    robust_until_ns: int | None = None
    """The learned reconstructor is left alone until then."""
    failure: str = ""
    """Why; empty where nothing failed."""
    tracks: Tracks | None = None
    """Of several actors: who they are. `None` for one, and before the first frame set."""
    searched_ns: int | None = None
    """When the whole images were last searched for somebody beside those who are followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where the detector shall look."""

    windows: tuple[Windows, ...]
    """One record per actor of `actors`; each is known in some view."""
    actors: tuple[int, ...]
    """Identities that the windows belong to."""
    search: bool
    """Whether to search the whole images as well."""
