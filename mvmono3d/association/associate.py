"""Who is who: one frame set at a time, state in, state out.

1. Predict where the followed actors are. 2. Match candidates to them (`matching`). 3. Let what is left
found new actors (`births`). 4. Confirm, merge and lose (`lives`).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.association.births import find_newborns
from mvmono3d.association.lives import add_newborns, forget_lost, merge_doubles
from mvmono3d.association.matching import NO_CANDIDATE, Match, match
from mvmono3d.association.motion_kernel import find_new_joints, learn, predict
from mvmono3d.association.sight_kernel import see
from mvmono3d.association.tracks import Tracks
from mvmono3d.association.watch import Watch
from mvmono3d.core.array import Array
from mvmono3d.core.candidates import Candidates
from mvmono3d.core.record import Record
from mvmono3d.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Association(Record):
    """Who is who in one frame set. No candidate belongs to two actors."""

    identity: Int[Array, " actor"]
    confirmed: Bool[Array, " actor"]
    """Show only these: the others may turn out to be nobody."""
    candidate: Int[Array, "actor view"]
    """Each actor's candidate in each view; -1 where it has none."""
    joint: Int[Array, "actor view joint"]
    """Which joint of that candidate is the actor's: not its own where a limb was swapped; -1 without one."""
    points_world: Float[Array, "actor joint 3"]
    """What matching worked with: for the next step a start, not a reconstruction."""
    known: Bool[Array, "actor joint"]


class Seen(NamedTuple):
    """What each view saw of each actor, limbs put right; pixels are 0 where not detected."""

    pixels: Float[Array, "actor view joint 2"]
    confidence: Float[Array, "actor view joint"]
    detected: Bool[Array, "actor view joint"]


def seen_of(found: Association, candidates: Candidates) -> Seen:
    """Give each actor of an association its detections of the same frame set."""
    if candidates.detected.shape[1] == 0:
        nothing = np.zeros(found.joint.shape)
        return Seen(np.zeros((*nothing.shape, 2)), nothing, nothing > 0.0)
    view = np.arange(found.candidate.shape[1])[:, None]
    taken = view, np.maximum(found.candidate, 0)[..., None], np.maximum(found.joint, 0)
    detected = np.asarray(candidates.detected)[taken] & (found.joint >= 0)
    return Seen(
        pixels=np.where(detected[..., None], np.asarray(candidates.pixels)[taken], 0.0),
        confidence=np.where(detected, np.asarray(candidates.confidence)[taken], 0.0),
        detected=detected,
    )


def associate(candidates: Candidates, tracks: Tracks, watch: Watch) -> tuple[Association, Tracks]:
    """Say who is who in a frame set, and what to remember for the next one.

    Raises `InvalidRecordError` where candidates don't fit cameras and skeleton, or time doesn't increase.
    """
    _check(candidates, tracks, watch)
    sight, right = _seen(candidates, watch)
    step_s = 0.0 if tracks.time_ns < 0 else (int(candidates.time_ns) - tracks.time_ns) * 1e-9
    moved = _predicted(tracks, step_s, watch)
    found = match(moved, sight, right, watch)
    updated = _updated(moved, found, sight, watch, step_s=step_s)
    free = sight[..., 2].any(axis=-1)
    actors, views = np.nonzero(found.chosen >= 0)
    free[views, found.chosen[actors, views]] = False
    newborns = find_newborns(sight, free, watch)
    everybody, chosen, swapped = add_newborns(updated, found, newborns, watch)
    everybody, chosen, swapped = merge_doubles(everybody, chosen, swapped, watch)
    everybody, keep = forget_lost(everybody, chosen, watch, step_s=step_s, right=right)
    everybody = replace(everybody, time_ns=int(candidates.time_ns))
    return _association(everybody, chosen[keep], swapped[keep], sight, watch), everybody


def _check(candidates: Candidates, tracks: Tracks, watch: Watch) -> None:
    shape = candidates.detected.shape
    if len(shape) != 3 or shape[0] != watch.views or shape[2] != watch.joints:
        raise InvalidRecordError(
            f"candidates {shape}, expected ({watch.views} cameras of the rig, any number, "
            f"{watch.joints} joints)"
        )
    if tracks.known.shape[1] != watch.joints:
        raise InvalidRecordError(
            f"tracks of {tracks.known.shape[1]} joints for a skeleton of {watch.joints}: "
            "begin with no_tracks(...)"
        )
    if tracks.time_ns >= 0 and int(candidates.time_ns) <= tracks.time_ns:
        raise InvalidRecordError(
            f"frame set at {int(candidates.time_ns)} ns, but the last one was at {tracks.time_ns} ns: "
            "expected a later one"
        )


def _seen(candidates: Candidates, watch: Watch) -> tuple[Array, Array | None]:
    """Return the straight coordinates of all candidates, and the sides that are stated."""
    if candidates.detected.shape[1] == 0:
        return np.zeros((watch.views, 1, watch.joints, 3)), None
    sight = see(
        _plain(candidates.pixels),
        _plain(candidates.confidence),
        np.ascontiguousarray(candidates.detected, dtype=np.bool_),
        watch.eyes.cameras,
    )
    return sight, candidates.right


def _plain(array: Array) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64)


def _predicted(tracks: Tracks, step_s: float, watch: Watch) -> Tracks:
    points, velocity, spread, variance = predict(
        tracks.points_world,
        tracks.velocity_world,
        tracks.spread_world,
        tracks.velocity_variance,
        watch.numbers,
        step_s,
    )
    return replace(
        tracks,
        points_world=points,
        velocity_world=velocity,
        spread_world=spread,
        velocity_variance=variance,
        known=tracks.known.copy(),
    )


def _updated(moved: Tracks, found: Match, sight: Array, watch: Watch, *, step_s: float) -> Tracks:
    points, spread = found.points_world, found.spread_world
    velocity, variance = moved.velocity_world, moved.velocity_variance
    learn(
        (moved.points_world, moved.spread_world),
        (velocity, variance),
        points,
        spread,
        found.belief,
        moved.known,
        watch.numbers,
        step_s,
    )
    find_new_joints(
        points, spread, moved.known, velocity, variance,
        sight, found.chosen, found.swapped, watch.eyes, watch.limbs, watch.numbers,
    )  # fmt: skip
    return replace(moved, points_world=points, spread_world=spread)


def _association(tracks: Tracks, chosen: Array, swapped: Array, sight: Array, watch: Watch) -> Association:
    limb, mirror = watch.limbs.limb, watch.limbs.mirror
    crossed = swapped[:, :, np.maximum(limb, 0)] & (limb >= 0)
    joint = np.where(crossed, mirror, np.arange(watch.joints))
    there = chosen >= 0
    view = np.arange(watch.views)[:, None]
    detected = sight[view, np.maximum(chosen, 0)[..., None], joint, 2] > 0.0
    return Association(
        identity=tracks.identity,
        confirmed=tracks.confirmed,
        candidate=np.where(there, chosen, NO_CANDIDATE),
        joint=np.where(there[..., None] & detected, joint, -1),
        points_world=np.where(tracks.known[..., None], tracks.points_world, 0.0),
        known=tracks.known,
    )
