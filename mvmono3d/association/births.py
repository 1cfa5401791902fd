"""New actors from the candidates that belong to nobody.

Each hypothesis starts from two candidates of two views and takes the best of every other view. It holds at
most one candidate per view, so that the matches between its views always close the circle. What it is
worth is what its candidates say for it, less what views that show nobody there say against it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.association.birth_kernel import expected_joints, triangulate_members
from mvmono3d.association.reward_kernel import reward
from mvmono3d.association.watch import Watch
from mvmono3d.core.array import Array

_LEAST_JOINTS = 3
_AGAINST = 0.12
"""What a joint where a view shows nobody says against an actor, as a share of the gate."""


class Newborn(NamedTuple):
    """An actor that two views or more agree on."""

    chosen: Int[Array, " view"]
    points_world: Float[Array, "joint 3"]
    spread_world: Float[Array, "joint 3 3"]
    known: Bool[Array, " joint"]


class _Hypotheses(NamedTuple):
    members: Int[Array, "hypothesis view"]
    points: Float[Array, "hypothesis joint 3"]
    spread: Float[Array, "hypothesis joint 3 3"]
    known: Bool[Array, "hypothesis joint"]

    def those(self, which: Array) -> "_Hypotheses":
        return _Hypotheses(*(array[which] for array in self))


def find_newborns(sight: Array, free: Bool[Array, "view candidate"], watch: Watch) -> list[Newborn]:
    """Return the best hypotheses that share no candidate, the best first."""
    if free.any(axis=1).sum() < watch.settings.views_at_birth:
        return []
    found = _grown(_pairs(free, sight, watch), free, sight, watch)
    worth = _worth(found, sight, watch)
    newborns, taken = [], ~free
    for place in np.argsort(-worth, kind="stable").tolist():
        chosen = found.members[place]
        views = np.flatnonzero(chosen >= 0)
        if worth[place] <= 0.0 or len(views) < watch.settings.views_at_birth:
            continue
        if not taken[views, chosen[views]].any():
            taken[views, chosen[views]] = True
            newborns.append(Newborn(chosen, found.points[place], found.spread[place], found.known[place]))
    return newborns


def are_one(one: tuple[Array, Array], other: tuple[Array, Array], *, share: float) -> bool:
    """Say whether two actors, each (points, known), lie nearer than a share of their size."""
    both = one[1] & other[1]
    if both.sum() < _LEAST_JOINTS:
        return False
    apart = float(np.median(np.linalg.norm(one[0][both] - other[0][both], axis=1)))
    return apart < share * min(_size(*one), _size(*other))


def _size(points: Float[Array, "joint 3"], known: Bool[Array, " joint"]) -> float:
    """Return the rms distance of an actor's joints from their middle."""
    there = points[known]
    return float(np.sqrt(((there - there.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _pairs(free: Array, sight: Array, watch: Watch) -> _Hypotheses:
    """Return the pairs of candidates whose joints meet: where few do, they are two people."""
    views, candidates = np.nonzero(free)
    one, other = np.nonzero(views[:, None] < views)
    members = np.full((len(one), free.shape[0]), -1, dtype=np.int64)
    rows = np.arange(len(one))
    members[rows, views[one]], members[rows, views[other]] = candidates[one], candidates[other]
    points, spread, known, met = triangulate_members(members, sight, watch.eyes, watch.numbers.gate)
    good = (known.sum(axis=1) >= _LEAST_JOINTS) & (met > watch.settings.accept_birth)
    return _Hypotheses(members, points, spread, known).those(good)


def _grown(pairs: _Hypotheses, free: Array, sight: Array, watch: Watch) -> _Hypotheses:
    """Add the best candidate of every other view that fits well enough."""
    said, could = _said(pairs, sight, watch)
    fits = free & (said > watch.settings.accept_birth * could)
    said = np.where(fits, said, 0.0)
    best = np.where(fits.any(axis=2), np.argmax(said, axis=2), -1)
    members = np.where(pairs.members >= 0, pairs.members, best)
    points, spread, known, _ = triangulate_members(members, sight, watch.eyes, watch.numbers.gate)
    return _Hypotheses(members, points, spread, known)


def _worth(found: _Hypotheses, sight: Array, watch: Watch) -> Float[Array, " hypothesis"]:
    said, could = _said(found, sight, watch)
    member, place = found.members >= 0, np.maximum(found.members, 0)[..., None]
    own = np.take_along_axis(said, place, axis=2)[..., 0]
    most = np.take_along_axis(could, place, axis=2)[..., 0]
    fits = (~member | (own >= watch.settings.accept_birth * most)).all(axis=1)
    against = _AGAINST * watch.numbers.gate * expected_joints(found.points, found.known, watch.eyes)
    return np.where(fits, np.where(member, own, -against).sum(axis=1), 0.0)


def _said(found: _Hypotheses, sight: Array, watch: Watch) -> tuple[Array, Array]:
    shape = (len(found.members), watch.views, *found.points.shape[1:])
    points = np.ascontiguousarray(np.broadcast_to(found.points[:, None], shape))
    spread = np.ascontiguousarray(np.broadcast_to(found.spread[:, None], (*shape, 3)))
    said, could, _ = reward(points, spread, found.known, sight, watch.eyes, watch.limbs, watch.numbers)
    return said, could
