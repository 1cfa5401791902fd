"""How well occlusion states are told: confusion, F1 per class, and visible against the rest."""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array, namespace

STATES = 4
"""Number of `OcclusionState`s."""


class ClassScores(NamedTuple):
    """F1 of each state, and which states occur at all (in truth or answer): only those count."""

    f1: Float[Array, " state"]
    occurs: Bool[Array, " state"]


def confusion(
    told: Int[Array, "*batch"], true: Int[Array, "*batch"], *, labelled: Bool[Array, "*batch"]
) -> Int[Array, "true told"]:
    """Count (true state, told state) pairs where a label exists."""
    xp = namespace(told, true, labelled)
    rows = [
        xp.stack([xp.sum(xp.astype(labelled & (true == a) & (told == b), xp.int64)) for b in range(STATES)])
        for a in range(STATES)
    ]
    return xp.stack(rows)


def class_f1(counts: Int[Array, "true told"]) -> ClassScores:
    """Return 2 TP / (2 TP + FP + FN) of each state."""
    xp = namespace(counts)
    hits = xp.astype(xp.linalg.diagonal(counts), xp.float64)
    total = xp.astype(xp.sum(counts, axis=0) + xp.sum(counts, axis=1), xp.float64)
    return ClassScores(f1=2.0 * hits / xp.clip(total, min=1.0), occurs=total > 0)


def macro_f1(counts: Int[Array, "true told"]) -> Float[Array, ""]:
    """Return the mean F1 over the states that occur; 0 without a label."""
    xp = namespace(counts)
    scores = class_f1(counts)
    occurring = xp.sum(xp.astype(scores.occurs, xp.float64))
    return xp.sum(scores.f1) / xp.clip(occurring, min=1.0)


def auc(
    score: Float[Array, "*batch"], positive: Bool[Array, "*batch"], *, labelled: Bool[Array, "*batch"]
) -> Float[Array, ""]:
    """Return the area under the ROC curve: the chance that a positive scores above a negative.

    Ties count half (Mann-Whitney U; Hanley & McNeil, Radiology 1982). 0.5 where a class is absent.
    """
    xp = namespace(score, positive, labelled)
    flat, known = xp.reshape(score, (-1,)), xp.reshape(labelled, (-1,))
    is_positive = xp.reshape(positive, (-1,))
    high, low = flat[known & is_positive], xp.sort(flat[known & ~is_positive])
    if high.shape[0] == 0 or low.shape[0] == 0:
        return xp.asarray(0.5, dtype=xp.float64)
    below = xp.searchsorted(low, high, side="left") + xp.searchsorted(low, high, side="right")
    return xp.mean(xp.astype(below, xp.float64)) / (2.0 * low.shape[0])
