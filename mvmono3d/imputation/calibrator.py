"""A last correction of stated covariances, fitted after training on rigs and actors of their own.

Networks learn a likelihood; users read a region. A quantile regression (Koenker & Bassett, 1978) of the
squared Mahalanobis distance finds the factor with which the stated 95 % region holds 95 % of the joints,
also among those that were long unseen, or that few views see.

Without labels, detections that were withheld take the place of true joints. They are off by the detector's
noise as well, and its tails are longer than its standard deviation says: so the noise is measured first,
where answers are most certain, and the factor is asked for that explains the rest.
"""

import logging
import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.geometry.uncertainty import CHI2_95
from mvmono3d.nn.quality import Quality
from mvmono3d.nn.rig_doubt import RigDoubt

_LOG = logging.getLogger(__name__)
_QUANTILE = 0.95
_STEPS = 600
_PIXELS_95 = -2.0 * math.log(1.0 - _QUANTILE)
"""Chi-squared quantile of 2 degrees of freedom."""
_LEAST_WITHHELD = 300
_CERTAIN_SHARE, _LEAST_EXCESS = 0.1, 0.1
"""The noise is measured on this share of detections; it may be less than stated, but not nothing."""
_TINY = 1e-12
_LONG_S = 0.1
_WIDEST = 4.0
"""Largest logarithm of the factor, either way."""


class Calibrator(nn.Module):
    """A factor on each joint's covariance, log-linear in what is known of how the answer came about."""

    weight: Tensor

    INPUTS = 13

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
        rig_doubt: RigDoubt,
        overruled: Bool[Tensor, "*batch joint"],
    ) -> Float[Tensor, "*batch joint 13"]:
        """Describe each answer; `visible_views` is the expected number of views that see the joint."""
        columns = [
            torch.ones_like(variance),
            (unmeasured_s > 0.0).to(variance.dtype),
            (unmeasured_s > _LONG_S).to(variance.dtype),
            torch.log1p(10.0 * unmeasured_s),
            0.2 * torch.log(variance + 1e-8) + 1.0,
            (2.0 - visible_views).clamp(min=0.0),
            *quality,
            *(doubt[..., None].expand_as(variance) for doubt in rig_doubt),
            overruled.to(variance.dtype),
        ]
        # Joints last until all are together: an engine then moves them once.
        return torch.stack(columns, dim=-2).mT

    def forward(self, inputs: Float[Tensor, "*batch joint 13"]) -> Float[Tensor, "*batch joint"]:
        """Return the factor; 1 before fitting."""
        return torch.exp((inputs * self.weight).sum(-1).clamp(-_WIDEST, _WIDEST))

    def fit(self, inputs: Float[Tensor, "answer 13"], squared: Float[Tensor, " answer"]) -> None:
        """Fit to squared Mahalanobis distances of true joints under the uncorrected covariances."""
        needed = torch.log(squared.clamp(min=1e-6) / CHI2_95)
        self._fit(inputs, needed, importance=torch.ones_like(needed))

    def fit_to_pixels(
        self,
        inputs: Float[Tensor, "detection 13"],
        *,
        residual: Float[Tensor, "detection 2"],
        spread: Float[Tensor, "detection 2 2"],
        noise: Float[Tensor, " detection"],
    ) -> None:
        """Fit to detections that the answers never saw; the factor never falls below 1.

        Detections count by how much of their expected error is the answer's own: the others say nothing
        of it. Withheld detections are those that other views confirmed, so that their noise is less than
        all detections' is: they can show that a covariance is too small, not that it is too large.

        Args:
            inputs: what is known of each answer.
            residual: detection minus projected answer.
            spread: the answer's uncorrected covariance in that image.
            noise: variance per axis of the detection itself, in the same unit squared; a common factor
                on it is found here.
        """
        if len(noise) < _LEAST_WITHHELD:
            _LOG.warning(
                "%d withheld detections, %d are needed: covariances stay as they are",
                len(noise),
                _LEAST_WITHHELD,
            )
            return
        noise = noise * noise_excess(residual, spread=spread, noise=noise)
        needed = factor_to_explain(residual, spread=spread, noise=noise)
        own = _mean_variance(spread)
        self._fit(inputs, torch.log(needed.clamp(min=1.0)), importance=own / (own + noise))

    @torch.enable_grad()
    def _fit(self, inputs: Tensor, needed: Tensor, *, importance: Tensor) -> None:
        """Find the log-linear quantile of the logarithm of the factors needed."""
        inputs, needed = inputs.detach(), needed.detach()
        importance = importance.detach() / importance.detach().mean()
        weight = torch.zeros_like(self.weight, requires_grad=True)
        optimiser = torch.optim.Adam([weight], lr=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
        for _ in range(_STEPS):
            optimiser.zero_grad()
            beyond = needed - inputs @ weight
            each = torch.maximum(_QUANTILE * beyond, (_QUANTILE - 1.0) * beyond)
            (importance * each).mean().backward()
            optimiser.step()
            schedule.step()
        self.weight.copy_(weight.detach())


def noise_excess(
    residual: Float[Tensor, "detection 2"],
    *,
    spread: Float[Tensor, "detection 2 2"],
    noise: Float[Tensor, " detection"],
) -> Float[Tensor, ""]:
    """Return the factor on the noise with which the most certain answers explain 95 % of the residuals."""
    own = _mean_variance(spread)
    needed = (residual.square().sum(-1) / _PIXELS_95 - own) / noise
    certain = torch.argsort(own / noise)[: max(1, int(_CERTAIN_SHARE * len(noise)))]
    needed = needed[certain].sort().values
    return needed[int(_QUANTILE * (len(needed) - 1))].clamp(min=_LEAST_EXCESS)


def factor_to_explain(
    residual: Float[Tensor, "*batch 2"],
    *,
    spread: Float[Tensor, "*batch 2 2"],
    noise: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch"]:
    """Return the factor f that puts the residual on the 95 % ellipse of f spread + noise.

    It is 0 where the noise alone explains the residual. With 2x2 matrices,
    residual' (f spread + noise)^-1 residual = c is a quadratic equation in f.
    """
    determinant = spread[..., 0, 0] * spread[..., 1, 1] - spread[..., 0, 1] * spread[..., 1, 0]
    trace = spread[..., 0, 0] + spread[..., 1, 1]
    squared = residual.square().sum(-1)
    along = (residual[..., None, :] @ spread @ residual[..., None])[..., 0, 0]
    a = _PIXELS_95 * determinant.clamp(min=0.0)
    # residual' adjugate(spread) residual = trace |residual|^2 - residual' spread residual
    b = _PIXELS_95 * noise * trace - (trace * squared - along)
    c = noise * (squared - _PIXELS_95 * noise)
    root = (b.square() + 4.0 * a * c.clamp(min=0.0)).sqrt()
    # The form that doesn't subtract nearly equal numbers.
    factor = torch.where(
        b > 0, 2.0 * c / (b + root).clamp(min=_TINY), (root - b) / (2.0 * a).clamp(min=_TINY)
    )
    return torch.where(c > 0, factor, 0.0)


def _mean_variance(spread: Float[Tensor, "*batch 2 2"]) -> Float[Tensor, "*batch"]:
    return 0.5 * spread.diagonal(dim1=-2, dim2=-1).sum(-1)
