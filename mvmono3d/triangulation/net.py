"""Triangulation with learned view weights around a closed-form solve."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.nn.features import FEATURES
from mvmono3d.nn.linearise import NormalEquations, solve_equations, weighted


class WeightedPoints(NamedTuple):
    """Joints of one frame from pixels alone, with a weak prior so that every joint has an answer."""

    step: Float[Tensor, "*batch joint 3"]
    """From the reference."""
    points: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]
    weights: Float[Tensor, "*batch view joint"]
    """Precision of each measurement [1/px²], 0 where there is none."""


class ViewWeights(nn.Module):
    """Turn what is believed of each measurement into its precision, then solve the normal equations.

    The starting point is the inverse variance itself, which is the maximum-likelihood weight; the small
    network (zero at the start) learns where that is wrong: hallucinations, swaps, correlated views.
    """

    def __init__(self, *, width: int, prior_sigma: float) -> None:
        super().__init__()
        self.prior_precision = prior_sigma**-2
        self.correction = nn.Sequential(nn.Linear(len(FEATURES) + 5, width), nn.ReLU(), nn.Linear(width, 1))
        last = self.correction[-1]
        if isinstance(last, nn.Linear):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(
        self,
        features: Float[Tensor, "*batch view joint feature"],
        *,
        logits: Float[Tensor, "*batch view joint state"],
        log_sigma: Float[Tensor, "*batch view joint"],
        rig_variance: Float[Tensor, "*batch view joint"],
        usable: Bool[Tensor, "*batch view joint"],
    ) -> Float[Tensor, "*batch view joint"]:
        """Return precisions [1/px²]; the rig's own error adds to each measurement's variance."""
        belief = [features, logits.softmax(-1), log_sigma[..., None]]
        correction = self.correction(torch.cat(belief, dim=-1))[..., 0].clamp(-8.0, 2.0)
        variance = torch.exp(2.0 * log_sigma - correction) + rig_variance
        return torch.where(usable, variance.reciprocal(), 0.0)

    def solve(
        self,
        equations: NormalEquations,
        weights: Float[Tensor, "*batch view joint"],
        *,
        reference: Float[Tensor, "*batch joint 3"],
    ) -> WeightedPoints:
        """Solve for the joints; the weak prior at `reference` keeps fewer than two views solvable."""
        fixed = solve_equations(weighted(equations, weights).sum(-3), precision=self.prior_precision)
        return WeightedPoints(fixed.step, reference + fixed.step, fixed.covariance, weights)
