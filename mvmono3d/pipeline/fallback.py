"""Never worse than a confident consensus: where the learned answer leaves its gate, the consensus wins."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.geometry.solve import squared_length3
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.linearise import well_conditioned

GATE = 21.1
"""Squared Mahalanobis distance; the 99.99 % quantile of chi-square with three degrees of freedom."""


class Guarded(NamedTuple):
    """The answer after the gate."""

    points: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]
    overruled: Bool[Tensor, "*batch joint"]


def guard(
    points: Float[Tensor, "*batch joint 3"],
    covariance: Float[Tensor, "*batch joint 3 3"],
    evidence: Evidence,
) -> Guarded:
    """Replace joints that contradict a confident consensus, or that are not finite numbers."""
    difference = points - evidence.points
    distance = squared_length3(well_conditioned(covariance + evidence.covariance), difference)
    # A comparison with NaN is false, so a broken network is overruled, too.
    inside = distance <= GATE
    overruled = evidence.confident & ~inside
    # So is one with infinity.
    finite = (points.sum(-1) + covariance.sum((-2, -1))).abs() < torch.inf
    overruled = overruled | (evidence.solved & ~finite)
    return Guarded(
        torch.where(overruled[..., None], evidence.points, points),
        torch.where(overruled[..., None, None], evidence.covariance, covariance),
        overruled,
    )
