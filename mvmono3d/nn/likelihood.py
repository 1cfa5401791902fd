"""How likely an error is under a stated uncertainty, with tails that outliers can't exploit."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.geometry.solve import determinant3, solve3
from mvmono3d.nn.linearise import well_conditioned

DEGREES = 8.0
"""Degrees of freedom of the Student-t: close to Gaussian inside, linear in the logarithm outside."""


def student_t_3d(
    error: Float[Tensor, "*batch 3"], covariance: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Return the negative log-likelihood up to a constant (Kotz & Nadarajah, 2004, eq. 1.1)."""
    conditioned = well_conditioned(covariance)
    squared = (error * solve3(conditioned, error).solution).sum(-1)
    volume = torch.log(determinant3(conditioned).clamp(min=1e-30))
    return 0.5 * volume + 0.5 * (DEGREES + 3.0) * torch.log1p(squared / DEGREES)


def student_t_2d(
    error: Float[Tensor, "*batch 2"], variance: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """Return the same for a pixel error whose two axes share one variance."""
    squared = error.square().sum(-1) / variance
    return torch.log(variance) + 0.5 * (DEGREES + 2.0) * torch.log1p(squared / DEGREES)


def masked_mean(values: Float[Tensor, "*batch"], mask: Bool[Tensor, "*batch"]) -> Float[Tensor, ""]:
    """Average what the mask keeps; 0 where it keeps nothing."""
    kept = torch.where(mask, values, 0.0)
    return kept.sum() / mask.sum().clamp(min=1)
