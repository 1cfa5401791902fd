"""A last correction of stated covariances, fitted after training on rigs and actors of their own.

Networks learn a likelihood; users read a region. A quantile regression (Koenker & Bassett, 1978) of the
squared Mahalanobis distance finds the factor with which the stated 95 % region holds 95 % of the joints,
also among those that were long unseen, or that few views see.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.geometry.uncertainty import CHI2_95
from mvmono3d.nn.quality import Quality

_QUANTILE = 0.95
_STEPS = 600
_LONG_S = 0.1
_WIDEST = 4.0
"""Largest logarithm of the factor, either way."""


class Calibrator(nn.Module):
    """A factor on each joint's covariance, log-linear in what is known of how the answer came about."""

    weight: Tensor

    INPUTS = 9

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(self.INPUTS))

    def inputs(
        self,
        *,
        variance: Float[Tensor, "*batch joint"],
        unmeasured_s: Float[Tensor, "*batch joint"],
        visible_views: Float[Tensor, "*batch joint"],
        quality: Quality,
        overruled: Bool[Tensor, "*batch joint"],
    ) -> Float[Tensor, "*batch joint 9"]:
        """Describe each answer; `visible_views` is the expected number of views that see the joint."""
        columns = [
            torch.ones_like(variance),
            (unmeasured_s > 0.0).to(variance.dtype),
            (unmeasured_s > _LONG_S).to(variance.dtype),
            torch.log1p(10.0 * unmeasured_s),
            0.2 * torch.log(variance + 1e-8) + 1.0,
            (2.0 - visible_views).clamp(min=0.0),
            *quality,
            overruled.to(variance.dtype),
        ]
        return torch.stack(columns, dim=-1)

    def forward(self, inputs: Float[Tensor, "*batch joint 9"]) -> Float[Tensor, "*batch joint"]:
        """Return the factor; 1 before fitting."""
        return torch.exp((inputs * self.weight).sum(-1).clamp(-_WIDEST, _WIDEST))

    def fit(self, inputs: Float[Tensor, "answer 9"], squared: Float[Tensor, " answer"]) -> None:
        """Fit to squared Mahalanobis distances of true joints under the uncorrected covariances."""
        weight = torch.zeros_like(self.weight, requires_grad=True)
        excess = torch.log(squared.clamp(min=1e-6) / CHI2_95).detach()
        optimiser = torch.optim.Adam([weight], lr=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
        for _ in range(_STEPS):
            optimiser.zero_grad()
            beyond = excess - inputs @ weight
            loss = torch.maximum(_QUANTILE * beyond, (_QUANTILE - 1.0) * beyond).mean()
            loss.backward()
            optimiser.step()
            schedule.step()
        self.weight.copy_(weight.detach())
