"""Few labels: which training clips keep theirs."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import PointSource
from mvmono3d.data.counters import LABELS, generator

_ALL_RUNS = 0
"""Runs of any seed have the same labels: seeds then differ in what they make of them."""


def labelled_samples(samples: int, *, share: float) -> Int[Array, " labelled"]:
    """Return which clips keep their labels: at most that share of them, but at least one.

    The clips of a small share are among those of a larger one.
    """
    count = max(1, int(share * samples + 1e-9))
    return np.sort(generator(_ALL_RUNS, LABELS).permutation(samples)[:count])


def without_labels(clip: Clip) -> Clip:
    """Return the clip as if nobody had labelled it: arrays of the same shapes that say nothing."""
    truth, occlusion = clip.truth, clip.occlusion
    if truth is not None:
        truth = replace(
            truth,
            points_world=np.zeros_like(truth.points_world),
            covariance_world=np.zeros_like(truth.covariance_world),
            source=np.full_like(truth.source, int(PointSource.MISSING)),
        )
    if occlusion is not None:
        occlusion = occlusion.map(np.zeros_like)
    return replace(clip, truth=truth, occlusion=occlusion)
