"""One frame set, from what the detector says to joints: a function of state and input alone."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.detect.windows import WindowSettings, follow, windows_at
from mvmono3d.deploy.loop.reconstructor import (
    LearnedReconstructor,
    Moment,
    Reconstructor,
    RobustReconstructor,
)
from mvmono3d.deploy.loop.region import inside_region
from mvmono3d.deploy.loop.seen import Seen, likeliest, noise_px, nothing_seen, seen_of
from mvmono3d.deploy.loop.state import Actor, LoopState, Question, StepSettings
from mvmono3d.deploy.server.pose_frame import ActorPose
from mvmono3d.errors import EngineError, InvalidRecordError

_NS_PER_S = 1e9


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """The answer for one frame set."""

    actors: tuple[ActorPose, ...]
    seen: tuple[Seen, ...]
    """What each of them was made of."""
    state: LoopState


def question(state: LoopState, parts: Parts, *, time_ns: int) -> Question:
    """Return where to look in a frame set: where the followed actors will be, everywhere without any."""
    windows = [
        (actor.identity, windows_at(actor.track, parts.rig, time_ns=time_ns, settings=parts.windows))
        for actor in state.actors
    ]
    known = [(identity, each) for identity, each in windows if each.known.any()]
    return Question(
        windows=tuple(each for _, each in known),
        actors=tuple(identity for identity, _ in known),
        search=not known,
    )


def step(
    state: LoopState,
    asked: Question,
    sighting: Sighting | None,
    parts: Parts,
    *,
    time_ns: int,
    present: np.ndarray,
) -> Stepped:
    """Return the joints of everybody in a frame set, and what to remember.

    Args:
        state: after the frame set before.
        asked: what the detector was asked about it.
        sighting: what it said; `None` where it did not answer.
        parts: what to work with.
        time_ns: of the frame set, rig clock.
        present: (view) which cameras delivered.
    """
    state = _without_lost(state, parts.settings, time_ns)
    seen = _seen(sighting, asked, parts)
    state = _with_noise(state, noise_px(seen), parts.settings, time_ns)
    moment = Moment(
        time_ns=time_ns, present=present, noise_px=state.noise_px or parts.settings.first_noise_px
    )
    if not state.actors:
        if not seen.detected.any():
            return Stepped(actors=(), seen=(), state=replace(state, time_ns=time_ns))
        state = _with_newcomer(state, parts, time_ns)
    pose, actor, state = _reconstructed(state, state.actors[0], seen, parts, moment)
    if not inside_region(pose, state.region):
        return Stepped(actors=(), seen=(), state=replace(state, actors=(), time_ns=time_ns))
    actor = _followed(actor, pose, parts.settings, time_ns)
    shown = (pose,) if pose.present.any() else ()
    return Stepped(
        actors=shown, seen=(seen,) if shown else (), state=replace(state, actors=(actor,), time_ns=time_ns)
    )


def _seen(sighting: Sighting | None, asked: Question, parts: Parts) -> Seen:
    views = len(parts.rig.names)
    if sighting is None or not len(sighting.pixels):
        return nothing_seen(views, parts.joints)
    chosen = likeliest(sighting) if asked.search else np.zeros(views, dtype=np.int64)
    return seen_of(sighting, chosen, least_confidence=parts.settings.least_confidence)


def _without_lost(state: LoopState, settings: StepSettings, time_ns: int) -> LoopState:
    kept = tuple(each for each in state.actors if time_ns - each.seen_ns <= settings.lose_s * _NS_PER_S)
    return replace(state, actors=kept)


def _with_newcomer(state: LoopState, parts: Parts, time_ns: int) -> LoopState:
    actor = Actor(
        identity=state.next_identity, memory=_current(state, parts).begin(), track=None, seen_ns=time_ns
    )
    return replace(state, actors=(actor,), next_identity=state.next_identity + 1)


def _with_noise(state: LoopState, stated: float | None, settings: StepSettings, time_ns: int) -> LoopState:
    if stated is None:
        return state
    if state.noise_px is None or state.time_ns is None:
        return replace(state, noise_px=stated)
    step_s = (time_ns - state.time_ns) / _NS_PER_S
    share = 1.0 - math.exp(-max(step_s, 0.0) / settings.noise_memory_s)
    return replace(state, noise_px=state.noise_px + share * (stated - state.noise_px))


def _current(state: LoopState, parts: Parts) -> Reconstructor:
    return parts.robust if parts.learned is None or state.robust_until_ns is not None else parts.learned


def _reconstructed(
    state: LoopState, actor: Actor, seen: Seen, parts: Parts, moment: Moment
) -> tuple[ActorPose, Actor, LoopState]:
    """Return the answer of the learned reconstructor, of the robust one where that fails."""
    if state.robust_until_ns is not None and moment.time_ns >= state.robust_until_ns:
        state = replace(state, robust_until_ns=None, failure="")
    current = _current(state, parts)
    # What the other reconstructor remembered means nothing to this one.
    memory = actor.memory if actor.memory.state.shape == current.begin().state.shape else current.begin()
    try:
        pose, memory = current.step(seen, memory, moment, actor=actor.identity)
        return pose, replace(actor, memory=memory), state
    except (EngineError, InvalidRecordError) as error:
        if current is parts.robust:
            raise
        retry_ns = moment.time_ns + round(parts.settings.retry_s * _NS_PER_S)
        state = replace(state, robust_until_ns=retry_ns, failure=str(error))
    pose, memory = parts.robust.step(seen, parts.robust.begin(), moment, actor=actor.identity)
    return pose, replace(actor, memory=memory), state


def _followed(actor: Actor, pose: ActorPose, settings: StepSettings, time_ns: int) -> Actor:
    """Let the windows go where the actor went, if enough of it was seen."""
    measured = pose.source == PointSource.MEASURED
    if measured.mean() < settings.least_measured:
        return actor
    track = follow(actor.track, pose.points_world, pose.present, time_ns=time_ns)
    return replace(actor, track=track, seen_ns=time_ns)
