"""Crowds with truth, and how well identities were kept in them."""

import time
from dataclasses import dataclass, field

import numpy as np

from mvmono3d.association.associate import associate
from mvmono3d.association.settings import AssociationSettings
from mvmono3d.association.tracks import no_tracks
from mvmono3d.association.watch import make_watch
from mvmono3d.synthetic.crowd_detector import CrowdClip


@dataclass
class Kept:
    """Counts over a clip. A frame counts for an actor if two views or more show it."""

    frames: int = 0
    switches: int = 0
    """An actor got another identity within the horizon, or an identity went to another actor."""
    wrong: int = 0
    """Candidates given to somebody else."""
    given: int = 0
    missed: int = 0
    """Actors in a frame without identity, of `shown`."""
    shown: int = 0
    ghosts: int = 0
    """Reported actors, frame by frame, made of nobody's candidates alone."""
    identities: set = field(default_factory=set)
    times_ms: list = field(default_factory=list)


def follow(clip: CrowdClip, settings: AssociationSettings | None = None):
    """Yield (frame, association) over a clip, with the CPU time of each."""
    watch, tracks = make_watch(clip.rig, clip.skeleton, settings), no_tracks(len(clip.skeleton.joints))
    for frame in range(len(clip.candidates.time_ns)):
        now = clip.candidates.map(lambda array, at=frame: array[at])
        start = time.thread_time()
        found, tracks = associate(now, tracks, watch)
        yield frame, found, 1e3 * (time.thread_time() - start)


def keep_score(clip: CrowdClip, settings: AssociationSettings | None = None) -> Kept:
    kept, horizon = Kept(), (settings or AssociationSettings()).horizon_s
    time_s = np.asarray(clip.candidates.time_ns) * 1e-9
    of_actor, of_identity = {}, {}
    for frame, found, spent_ms in follow(clip, settings):
        kept.frames += 1
        kept.times_ms.append(spent_ms)
        owner = _owners(found, clip.actor[frame], kept)
        for actor, identity in owner.items():
            before, when = of_actor.get(actor, (identity, time_s[frame]))
            changed = before != identity and time_s[frame] - when <= horizon
            taken = of_identity.get(identity, actor) != actor
            kept.switches += changed or taken
            of_actor[actor], of_identity[identity] = (identity, time_s[frame]), actor
        for actor in range(len(clip.crowd.scenes)):
            if (clip.actor[frame] == actor).any(axis=1).sum() >= 2:
                kept.shown += 1
                kept.missed += actor not in owner
    return kept


def _owners(found, truth, kept):
    owner, most = {}, {}
    for row in np.flatnonzero(found.confirmed):
        views = np.flatnonzero(found.candidate[row] >= 0)
        whose = truth[views, found.candidate[row][views]]
        real = whose[whose >= 0]
        kept.given += len(whose)
        if len(whose) == 0:
            continue
        if len(real) == 0:
            kept.ghosts += 1
            continue
        actor = int(np.bincount(real).argmax())
        kept.wrong += int((whose != actor).sum())
        kept.identities.add(int(found.identity[row]))
        if (real == actor).sum() > most.get(actor, 0):
            owner[actor], most[actor] = int(found.identity[row]), (real == actor).sum()
    return owner
