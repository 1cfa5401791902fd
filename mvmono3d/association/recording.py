"""Who is who over a whole recording: the same steps as live, frame set by frame set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from mvmono3d.association.associate import Association, associate
from mvmono3d.association.settings import AssociationSettings
from mvmono3d.association.tracks import no_tracks
from mvmono3d.association.watch import make_watch
from mvmono3d.core.candidates import Candidates
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton


class Associated(NamedTuple):
    """The people of a recording, in the order in which they appeared."""

    identity: Int[np.ndarray, " person"]
    people: tuple[Observations, ...]
    """What each view saw of each of them, limbs put right."""


def associate_recording(
    candidates: Candidates, rig: Rig, skeleton: Skeleton, settings: AssociationSettings | None = None
) -> Associated:
    """Associate a recording (`time` is the only batch axis of the candidates).

    Whoever is confirmed once is also reported for the frames before; others are left out.
    """
    watch, tracks = make_watch(rig, skeleton, settings), no_tracks(len(skeleton.joints))
    frames: list[Association] = []
    for frame in range(len(candidates.time_ns)):
        found, tracks = associate(candidates.map(lambda array, at=frame: array[at]), tracks, watch)
        frames.append(found)
    identities = sorted({int(each) for found in frames for each in found.identity[found.confirmed]})
    people = tuple(_observations(candidates, frames, identity) for identity in identities)
    return Associated(np.array(identities, dtype=np.int64), people)


def candidates_of(places: Sequence[Observations]) -> Candidates:
    """Line up what stands at each place of a recording's files as candidates."""
    return Candidates(
        pixels=np.stack([np.asarray(place.pixels, dtype=np.float64) for place in places], axis=2),
        confidence=np.stack([np.asarray(place.confidence, dtype=np.float64) for place in places], axis=2),
        detected=np.stack([np.asarray(place.detected) for place in places], axis=2),
        time_ns=np.asarray(places[0].time_ns),
    )


def _observations(candidates: Candidates, frames: list[Association], identity: int) -> Observations:
    time, views, _, joints = candidates.detected.shape
    candidate, joint = np.full((time, views), -1), np.full((time, views, joints), -1)
    for frame, found in enumerate(frames):
        for row in np.flatnonzero(found.identity == identity):
            candidate[frame], joint[frame] = found.candidate[row], found.joint[row]
    at = np.arange(time)[:, None, None], np.arange(views)[:, None], np.maximum(candidate, 0)[..., None]
    taken = (*at, np.maximum(joint, 0))
    detected = np.asarray(candidates.detected)[taken] & (joint >= 0)
    return Observations(
        pixels=np.where(detected[..., None], np.asarray(candidates.pixels)[taken], 0.0),
        confidence=np.where(detected, np.asarray(candidates.confidence)[taken], 0.0),
        detected=detected,
        time_ns=np.asarray(candidates.time_ns),
    )
