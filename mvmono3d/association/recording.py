"""Who is who over a whole recording: the same steps as live, frame set by frame set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from mvmono3d.association.associate import Association, Seen, associate, seen_of
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
    frames: list[tuple[Association, Seen]] = []
    for frame in range(len(candidates.time_ns)):
        now = candidates.map(lambda array, at=frame: array[at])
        found, tracks = associate(now, tracks, watch)
        frames.append((found, seen_of(found, now)))
    identities = sorted({int(each) for found, _ in frames for each in found.identity[found.confirmed]})
    people = tuple(_observations(identity, frames, candidates) for identity in identities)
    return Associated(np.array(identities, dtype=np.int64), people)


def candidates_of(places: Sequence[Observations]) -> Candidates:
    """Line up what stands at each place of a recording's files as candidates."""
    return Candidates(
        pixels=np.stack([np.asarray(place.pixels, dtype=np.float64) for place in places], axis=2),
        confidence=np.stack([np.asarray(place.confidence, dtype=np.float64) for place in places], axis=2),
        detected=np.stack([np.asarray(place.detected) for place in places], axis=2),
        time_ns=np.asarray(places[0].time_ns),
    )


def _observations(
    identity: int, frames: list[tuple[Association, Seen]], candidates: Candidates
) -> Observations:
    time, views, _, joints = candidates.detected.shape
    pixels, confidence = np.zeros((time, views, joints, 2)), np.zeros((time, views, joints))
    detected = np.zeros((time, views, joints), dtype=bool)
    for frame, (found, seen) in enumerate(frames):
        for row in np.flatnonzero(found.identity == identity):
            pixels[frame], confidence[frame] = seen.pixels[row], seen.confidence[row]
            detected[frame] = seen.detected[row]
    return Observations(
        pixels=pixels, confidence=confidence, detected=detected, time_ns=np.asarray(candidates.time_ns)
    )
