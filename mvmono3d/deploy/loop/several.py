"""Several actors in one frame set: told apart by association, each reconstructed for itself.

Whoever the detector finds is a candidate: in the windows of those who are followed, and in a search of the
whole images now and then, as somebody may have come. Association says which candidates are one actor, and who
it was before; from then on each actor has a reconstructor's memory and windows of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mvmono3d.association.associate import Association, associate
from mvmono3d.association.tracks import Tracks, no_tracks
from mvmono3d.association.watch import Watch, make_watch
from mvmono3d.core.candidates import Candidates
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.detect.windows import Track
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
from mvmono3d.deploy.loop.seen import Seen, noise_px
from mvmono3d.deploy.loop.state import Actor, LoopState, Question
from mvmono3d.deploy.server.pose_frame import ActorPose

_WINDOWS_PER_ACTOR = 2
"""So many windows at most, for each actor of a rig: those who may turn out to be nobody are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """Tells up to `most` actors apart; see `Crowd`."""

    watch: Watch
    most: int

    def question(self, state: LoopState, parts: Parts, *, time_ns: int) -> Question:
        """Return the windows of everybody who is followed, and whether somebody else may be there."""
        tracks = _tracks_of(state)[: _WINDOWS_PER_ACTOR * self.most]
        actors, windows = windows_of(tracks, parts, time_ns=time_ns)
        search = len(actors) < self.most and (not actors or _search_is_due(state, parts, time_ns))
        return Question(windows=windows, actors=actors, search=search)

    def step(
        self,
        state: LoopState,
        asked: Question,
        sighting: Sighting | None,
        parts: Parts,
        *,
        time_ns: int,
        present: np.ndarray,
    ) -> Stepped:
        """Return the joints of everybody, the longest followed first; see `step.step`."""
        settings = parts.settings
        sighting = sighting or Sighting.nothing(len(parts.rig.names), parts.joints)
        candidates = candidates_of(sighting, time_ns=time_ns, least_confidence=settings.least_confidence)
        state = with_noise(state, noise_px(sighting), settings, time_ns)
        watch = _as_noisy_as(self.watch, state.noise_px)
        found, tracks = associate(candidates, state.tracks or no_tracks(parts.joints), watch)
        shown = np.flatnonzero(found.confirmed)
        seen = {int(found.identity[row]): seen_of_row(sighting, found, row) for row in shown.tolist()}
        moment = Moment(time_ns=time_ns, present=present, noise_px=state.noise_px or settings.first_noise_px)
        poses, actors, state = _everybody(state, seen, parts, moment)
        inside = [pose for pose in poses if pose.present.any() and inside_region(pose, state.region)]
        inside = inside[: self.most]
        return Stepped(
            actors=tuple(inside),
            seen=tuple(seen[pose.actor] for pose in inside),
            state=replace(
                state,
                actors=tuple(actors),
                tracks=tracks,
                next_identity=tracks.next_identity,
                time_ns=time_ns,
                searched_ns=time_ns if asked.search else state.searched_ns,
            ),
        )


def tell_apart(rig: Rig, skeleton: Skeleton, *, most: int) -> Several:
    """Return what tells up to `most` actors apart; what it compiles is compiled when this returns."""
    watch = make_watch(rig, skeleton)
    nobody = Sighting.nothing(len(rig.names), len(skeleton.joints))
    associate(candidates_of(nobody, time_ns=0, least_confidence=1.0), no_tracks(len(skeleton.joints)), watch)
    return Several(watch=watch, most=most)


def candidates_of(sighting: Sighting, *, time_ns: int, least_confidence: float) -> Candidates:
    """Return what a detector says as association takes it: views first, and nothing unsure."""
    detected = np.swapaxes(sighting.confidence >= least_confidence, 0, 1)
    pixels, confidence = np.swapaxes(sighting.pixels, 0, 1), np.swapaxes(sighting.confidence, 0, 1)
    return Candidates(
        pixels=np.where(detected[..., None], pixels, 0.0),
        confidence=np.where(detected, confidence, 0.0),
        detected=detected,
        time_ns=np.asarray(time_ns, dtype=np.int64),
    )


def seen_of_row(sighting: Sighting, found: Association, row: int) -> Seen:
    """Return what the views saw of one actor of an association, limbs that were swapped put right."""
    joint = found.joint[row]
    detected = joint >= 0
    if not len(sighting.pixels):
        plain = np.zeros(joint.shape)
        return Seen(
            pixels=np.zeros((*joint.shape, 2)),
            confidence=plain,
            detected=detected,
            sigma_px=plain + 1.0,
            visible=plain,
        )
    candidate = np.maximum(found.candidate[row], 0)[:, None]
    taken = candidate, np.arange(len(joint))[:, None], np.maximum(joint, 0)
    return Seen(
        pixels=np.where(detected[..., None], sighting.pixels[taken], 0.0),
        confidence=np.where(detected, sighting.confidence[taken], 0.0),
        detected=detected,
        sigma_px=sighting.sigma_px[taken],
        visible=sighting.visible[taken],
    )


def _as_noisy_as(watch: Watch, noise_px: float | None) -> Watch:
    """Return the watch for a detector that is noisier than association takes for granted."""
    variance = np.maximum(watch.eyes.variance, (noise_px or 0.0) ** 2)
    return replace(watch, eyes=watch.eyes._replace(variance=variance))


def _everybody(
    state: LoopState, seen: dict[int, Seen], parts: Parts, moment: Moment
) -> tuple[list[ActorPose], list[Actor], LoopState]:
    """Reconstruct everybody who is somebody; those whom association lost are forgotten."""
    known, poses, actors = {actor.identity: actor for actor in state.actors}, [], []
    for identity, own in seen.items():
        actor = known.get(identity) or newcomer(identity, state, parts, moment.time_ns)
        pose, actor, state = reconstructed(state, actor, own, parts, moment)
        poses.append(pose)
        actors.append(followed(actor, pose, parts.settings, moment.time_ns))
    return poses, actors, state


def _tracks_of(state: LoopState) -> Sequence[tuple[int, Track]]:
    """Return where everybody was: as reconstructed, or as association has it while that is all there is."""
    own = {actor.identity: actor.track for actor in state.actors}
    tracks = state.tracks
    if tracks is None:
        return ()
    return [
        (identity, own.get(identity) or _rough(tracks, row))
        for row, identity in enumerate(tracks.identity.tolist())
    ]


def _rough(tracks: Tracks, row: int) -> Track:
    return Track(
        points_world=tracks.points_world[row],
        velocity=tracks.velocity_world[row],
        present=tracks.known[row],
        time_ns=tracks.time_ns,
    )


def _search_is_due(state: LoopState, parts: Parts, time_ns: int) -> bool:
    if state.searched_ns is None:
        return True
    return time_ns - state.searched_ns >= parts.settings.search_s * NS_PER_S
