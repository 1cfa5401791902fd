"""One actor from frame set to frame set: its joints, its noise, where it will be looked for."""

import math
from collections.abc import Sequence
from dataclasses import replace

from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.detect.windows import Track, Windows, follow, windows_at
from mvmono3d.deploy.loop.parts import Parts
from mvmono3d.deploy.loop.reconstructor import Moment, Reconstructor
from mvmono3d.deploy.loop.seen import Seen
from mvmono3d.deploy.loop.state import Actor, LoopState, StepSettings
from mvmono3d.deploy.server.pose_frame import ActorPose
from mvmono3d.errors import EngineError, InvalidRecordError

NS_PER_S = 1e9


def windows_of(
    tracks: Sequence[tuple[int, Track | None]], parts: Parts, *, time_ns: int
) -> tuple[tuple[int, ...], tuple[Windows, ...]]:
    """Return who can be looked for in windows at a time, by name, and those windows."""
    windows = [
        (identity, windows_at(track, parts.rig, time_ns=time_ns, settings=parts.windows))
        for identity, track in tracks
    ]
    known = [(identity, each) for identity, each in windows if each.known.any()]
    return tuple(identity for identity, _ in known), tuple(each for _, each in known)


def with_noise(state: LoopState, stated: float | None, settings: StepSettings, time_ns: int) -> LoopState:
    """Let the detector's noise follow what it states; `None` changes nothing."""
    if stated is None:
        return state
    if state.noise_px is None or state.time_ns is None:
        return replace(state, noise_px=stated)
    step_s = (time_ns - state.time_ns) / NS_PER_S
    share = 1.0 - math.exp(-max(step_s, 0.0) / settings.noise_memory_s)
    return replace(state, noise_px=state.noise_px + share * (stated - state.noise_px))


def newcomer(identity: int, state: LoopState, parts: Parts, time_ns: int) -> Actor:
    """Return somebody who was never seen before."""
    return Actor(identity=identity, memory=_current(state, parts).begin(), track=None, seen_ns=time_ns)


def reconstructed(
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
        retry_ns = moment.time_ns + round(parts.settings.retry_s * NS_PER_S)
        state = replace(state, robust_until_ns=retry_ns, failure=str(error))
    pose, memory = parts.robust.step(seen, parts.robust.begin(), moment, actor=actor.identity)
    return pose, replace(actor, memory=memory), state


def followed(actor: Actor, pose: ActorPose, settings: StepSettings, time_ns: int) -> Actor:
    """Let the windows go where the actor went, if enough of it was seen."""
    measured = pose.source == PointSource.MEASURED
    if measured.mean() < settings.least_measured:
        return actor
    track = follow(actor.track, pose.points_world, pose.present, time_ns=time_ns)
    return replace(actor, track=track, seen_ns=time_ns)


def _current(state: LoopState, parts: Parts) -> Reconstructor:
    return parts.robust if parts.learned is None or state.robust_until_ns is not None else parts.learned
