"""What a step works with, and what comes of it."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.detect.windows import WindowSettings
from mvmono3d.deploy.loop.reconstructor import LearnedReconstructor, RobustReconstructor
from mvmono3d.deploy.loop.seen import Seen
from mvmono3d.deploy.loop.state import LoopState, Question, StepSettings
from mvmono3d.deploy.server.pose_frame import ActorPose


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """The answer for one frame set."""

    actors: tuple[ActorPose, ...]
    seen: tuple[Seen, ...]
    """What each of them was made of."""
    state: LoopState


@runtime_checkable
class Crowd(Protocol):
    """Tells several actors apart; see `several`. A rig for one actor has none, and loads nothing for it."""

    def question(self, state: LoopState, parts: "Parts", *, time_ns: int) -> Question:
        """See `step.question`."""
        ...

    def step(
        self,
        state: LoopState,
        asked: Question,
        sighting: Sighting | None,
        parts: "Parts",
        *,
        time_ns: int,
        present: np.ndarray,
    ) -> Stepped:
        """See `step.step`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a step works with; made once per rig."""

    rig: Rig
    joints: int
    learned: LearnedReconstructor | None
    """`None` where there is no bundle for the skeleton: the robust one answers."""
    robust: RobustReconstructor
    settings: StepSettings = field(default_factory=StepSettings)
    windows: WindowSettings = field(default_factory=WindowSettings)
    crowd: Crowd | None = None
    """`None`: there is one actor."""
