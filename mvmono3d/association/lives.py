"""Actors come, prove themselves, turn out to be one, and go."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int

from mvmono3d.association.births import Newborn, are_one
from mvmono3d.association.matching import NO_CANDIDATE, Match
from mvmono3d.association.tracks import Tracks
from mvmono3d.association.watch import Watch
from mvmono3d.core.array import Array


def add_newborns(
    tracks: Tracks, found: Match, newborns: list[Newborn], watch: Watch
) -> tuple[Tracks, Int[Array, "actor view"], Bool[Array, "actor view limb"]]:
    """Put new actors behind the followed ones, with their candidates; doubles of somebody are left out."""
    share = watch.settings.merge_share
    own = list(zip(tracks.points_world, tracks.known, strict=True))
    new = [each for each in newborns if not _is_somebody(each, own, share=share)]
    chosen = np.concatenate([found.chosen, *(each.chosen[None] for each in new)])
    swapped = np.concatenate([found.swapped, np.zeros((len(new), *found.swapped.shape[1:]), dtype=bool)])
    if not new:
        return tracks, chosen, swapped
    count, joints = len(new), watch.joints
    fresh = Tracks(
        identity=tracks.next_identity + np.arange(count, dtype=np.int64),
        confirmed=np.zeros(count, dtype=bool),
        points_world=np.stack([each.points_world for each in new]),
        spread_world=np.stack([each.spread_world for each in new]),
        velocity_world=np.zeros((count, joints, 3)),
        velocity_variance=np.full((count, joints), watch.settings.first_velocity**2),
        known=np.stack([each.known for each in new]),
        hits=np.zeros(count, dtype=np.int64),
        unseen_s=np.zeros(count),
        right=np.zeros(count),
        next_identity=0,
        time_ns=0,
    )
    both = _joined(tracks, fresh)
    return replace(both, next_identity=tracks.next_identity + count), chosen, swapped


def _joined(tracks: Tracks, fresh: Tracks) -> Tracks:
    names = [name for name in Tracks.__slots__ if name not in ("next_identity", "time_ns")]
    return replace(
        tracks,
        **{name: np.concatenate([getattr(tracks, name), getattr(fresh, name)]) for name in names},
    )


def _is_somebody(newborn: Newborn, others: list[tuple[Array, Array]], *, share: float) -> bool:
    one = (newborn.points_world, newborn.known)
    return any(are_one(one, other, share=share) for other in others)


def merge_doubles(tracks: Tracks, chosen: Array, swapped: Array, watch: Watch) -> tuple[Tracks, Array, Array]:
    """Make two actors that have become one the older one; it takes over what it lacks."""
    share, gone = watch.settings.merge_share, np.zeros(len(tracks.identity), dtype=bool)
    people = list(zip(tracks.points_world, tracks.known, strict=True))
    for young in range(len(people)):
        for old in range(young):
            # Whoever shares a view with the other is seen beside it: two.
            apart = ((chosen[old] >= 0) & (chosen[young] >= 0)).sum() >= 2
            if gone[old] or gone[young] or apart or not are_one(people[old], people[young], share=share):
                continue
            gone[young] = True
            lacking = (chosen[old] < 0) & (chosen[young] >= 0)
            chosen[old, lacking], swapped[old, lacking] = chosen[young, lacking], swapped[young, lacking]
    if not gone.any():
        return tracks, chosen, swapped
    return _kept(tracks, ~gone), chosen[~gone], swapped[~gone]


def forget_lost(
    tracks: Tracks, chosen: Array, watch: Watch, *, step_s: float, right: Array | None
) -> tuple[Tracks, Bool[Array, " actor"]]:
    """Count who was seen, confirm who proved itself, drop who is lost; says who stays."""
    settings = watch.settings
    views = (chosen >= 0).sum(axis=1)
    hits = tracks.hits + (views >= 2)
    unseen_s = np.where(views > 0, 0.0, tracks.unseen_s + step_s)
    confirmed = tracks.confirmed | (hits >= settings.confirm_frames)
    patience_s = np.where(confirmed, settings.horizon_s, settings.tentative_s)
    keep = (unseen_s <= patience_s) & (_sigma(tracks) <= settings.largest_sigma_m)
    changed = replace(
        tracks, hits=hits, unseen_s=unseen_s, confirmed=confirmed, right=_sides(tracks, chosen, right)
    )
    return (changed if keep.all() else _kept(changed, keep)), keep


def _sigma(tracks: Tracks) -> Array:
    """Return the median standard deviation of each actor's known joints, metres."""
    variance = np.trace(tracks.spread_world, axis1=-2, axis2=-1) / 3.0
    ordered = np.sort(np.where(tracks.known, variance, np.inf), axis=1)
    middle = np.maximum(tracks.known.sum(axis=1) - 1, 0) // 2
    return np.sqrt(ordered[np.arange(len(ordered)), middle]) if len(ordered) else np.zeros(0)


def _sides(tracks: Tracks, chosen: Array, right: Array | None) -> Array:
    if right is None:
        return tracks.right
    view = np.arange(chosen.shape[1])
    stated = np.clip(right[view, np.maximum(chosen, 0)], 0.05, 0.95)
    odds = np.where(chosen != NO_CANDIDATE, np.log(stated / (1.0 - stated)), 0.0)
    return np.clip(0.98 * tracks.right + 0.1 * odds.sum(axis=1), -4.0, 4.0)


def _kept(tracks: Tracks, keep: Bool[Array, " actor"]) -> Tracks:
    return tracks.map(lambda array: array[keep])
