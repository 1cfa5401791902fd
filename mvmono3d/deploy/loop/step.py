"""One frame set, from what the detector says to joints: a function of state and input alone."""

from dataclasses import replace

import numpy as np

from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.loop.following import (
    NS_PER_S,
    followed,
    newcomer,
    reconstructed,
    windows_of,
    with_noise,
)
from mvmono3d.deploy.loop.parts import Parts, Stepped
from mvmono3d.deploy.loop.reconstructor import Moment
from mvmono3d.deploy.loop.region import inside_region
from mvmono3d.deploy.loop.seen import Seen, likeliest, noise_px, nothing_seen, seen_of
from mvmono3d.deploy.loop.state import LoopState, Question, StepSettings


def question(state: LoopState, parts: Parts, *, time_ns: int) -> Question:
    """Return where to look in a frame set: where the followed actors will be, everywhere without any."""
    if parts.crowd is not None:
        return parts.crowd.question(state, parts, time_ns=time_ns)
    tracks = [(actor.identity, actor.track) for actor in state.actors]
    actors, windows = windows_of(tracks, parts, time_ns=time_ns)
    return Question(windows=windows, actors=actors, search=not actors)


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
    if parts.crowd is not None:
        return parts.crowd.step(state, asked, sighting, parts, time_ns=time_ns, present=present)
    state = _without_lost(state, parts.settings, time_ns)
    seen = _seen(sighting, asked, parts)
    state = with_noise(state, noise_px(seen), parts.settings, time_ns)
    moment = Moment(
        time_ns=time_ns, present=present, noise_px=state.noise_px or parts.settings.first_noise_px
    )
    if not state.actors:
        if not seen.detected.any():
            return Stepped(actors=(), seen=(), state=replace(state, time_ns=time_ns))
        state = _with_newcomer(state, parts, time_ns)
    pose, actor, state = reconstructed(state, state.actors[0], seen, parts, moment)
    if not inside_region(pose, state.region):
        return Stepped(actors=(), seen=(), state=replace(state, actors=(), time_ns=time_ns))
    actor = followed(actor, pose, parts.settings, time_ns)
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
    kept = tuple(each for each in state.actors if time_ns - each.seen_ns <= settings.lose_s * NS_PER_S)
    return replace(state, actors=kept)


def _with_newcomer(state: LoopState, parts: Parts, time_ns: int) -> LoopState:
    actor = newcomer(state.next_identity, state, parts, time_ns)
    return replace(state, actors=(actor,), next_identity=state.next_identity + 1)
