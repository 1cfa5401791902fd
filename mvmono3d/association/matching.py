"""Which candidate of which view belongs to which actor that is already followed.

Given an actor's joints, views don't depend on each other: within each the best assignment is Hungarian.
What ties the views together are the joints, so that every view is matched against what the prediction
and the OTHER views say, all views at once, until nothing changes. The order of views and candidates has
no part in it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from mvmono3d.association.fuse_kernel import fuse
from mvmono3d.association.reward_kernel import reward
from mvmono3d.association.tracks import Tracks
from mvmono3d.association.watch import Watch
from mvmono3d.core.array import Array

NO_CANDIDATE = -1


class Match(NamedTuple):
    """Actors with their candidates, and the joints that follow from them."""

    chosen: Int[Array, "actor view"]
    """A candidate, or `NO_CANDIDATE`."""
    swapped: Bool[Array, "actor view limb"]
    points_world: Float[Array, "actor joint 3"]
    spread_world: Float[Array, "actor joint 3 3"]
    belief: Float[Array, "actor view joint"]
    """How well each view fits, in [0, 1]; 0 where it has no detection."""


class _Said(NamedTuple):
    """What candidates say for actors, 0 where too little, and which limbs are then swapped."""

    gain: Float[Array, "actor view candidate"]
    swapped: Bool[Array, "actor view candidate limb"]


def match(tracks: Tracks, sight: Array, right: Array | None, watch: Watch) -> Match:
    """Match the candidates of a frame set to tracks that were predicted to its time."""
    actors, joints = tracks.known.shape
    of_views = (actors, watch.views, joints, 3)
    points = np.ascontiguousarray(np.broadcast_to(tracks.points_world[:, None], of_views))
    spread = np.ascontiguousarray(np.broadcast_to(tracks.spread_world[:, None], (*of_views, 3)))
    said = _said(points, spread, tracks, sight, right, watch)
    chosen = _assign(said.gain)
    swapped = _of_chosen(said, chosen)
    fused = _fuse(tracks, sight, chosen, swapped, watch)
    for _ in range(watch.settings.sweeps - 1):
        said = _said(fused[2], fused[3], tracks, sight, right, watch)
        before = chosen, swapped
        chosen = _assign(said.gain)
        swapped = _of_chosen(said, chosen)
        if np.array_equal(chosen, before[0]) and np.array_equal(swapped, before[1]):
            break
        fused = _fuse(tracks, sight, chosen, swapped, watch)
    return Match(chosen, swapped, fused[0], fused[1], fused[4])


def _said(
    points: Array, spread: Array, tracks: Tracks, sight: Array, right: Array | None, watch: Watch
) -> _Said:
    said, could, swapped = reward(points, spread, tracks.known, sight, watch.eyes, watch.limbs, watch.numbers)
    gain = np.where(said > watch.settings.accept * could, said, 0.0)
    if right is not None:
        agrees = (2.0 * right - 1.0) * np.tanh(0.5 * tracks.right)[:, None, None]
        gain = np.where(gain > 0.0, np.maximum(gain + watch.settings.side_weight * could * agrees, 1e-9), 0.0)
    return _Said(gain, swapped)


def _assign(gain: Float[Array, "actor view candidate"]) -> Int[Array, "actor view"]:
    actors, views, _ = gain.shape
    chosen = np.full((actors, views), NO_CANDIDATE, dtype=np.int64)
    for view in range(views):
        of_view = gain[:, view]
        rows, columns = linear_sum_assignment(of_view, maximize=True)
        good = of_view[rows, columns] > 0.0
        chosen[rows[good], view] = columns[good]
    return chosen


def _of_chosen(said: _Said, chosen: Array) -> Bool[Array, "actor view limb"]:
    actors, views = chosen.shape
    own = said.swapped[np.arange(actors)[:, None], np.arange(views), np.maximum(chosen, 0)]
    return own & (chosen >= 0)[..., None]


def _fuse(tracks: Tracks, sight: Array, chosen: Array, swapped: Array, watch: Watch) -> tuple[Array, ...]:
    return fuse(
        tracks.points_world,
        tracks.spread_world,
        tracks.known,
        sight,
        chosen,
        swapped,
        watch.eyes,
        watch.limbs,
        watch.numbers,
    )
