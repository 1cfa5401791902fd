"""How well the measurements of a joint agree, and how much of their error is the rig's own.

What a filter can't average away must be told to whoever states its covariance: a rig's error stays.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mvmono3d.nn.linearise import Linearised, shifted_residual


class Quality(NamedTuple):
    """Three numbers per joint, 0 at best, log-compressed."""

    misfit: Float[Tensor, "*batch joint"]
    """Mean squared residual of the weighted solution, in stated variances."""
    common_misfit: Float[Tensor, "*batch joint"]
    """The misfit's mean over all joints: a rig that is off without saying so shows in all of them."""
    rig_error: Float[Tensor, "*batch joint"]
    """Mean pixel variance that the rig's stated error adds, in units of the detector's noise."""


def fit_quality(
    linearised: Linearised,
    weights: Float[Tensor, "*batch view joint"],
    *,
    step: Float[Tensor, "*batch joint 3"],
    rig_variance: Float[Tensor, "*batch view joint"],
) -> Quality:
    """Judge the solution that lies `step` from the reference."""
    squared = shifted_residual(linearised, step).square().sum(-1)
    views = linearised.usable.to(weights.dtype).sum(-2).clamp(min=1.0)
    misfit = torch.log1p(0.5 * (weights * squared).sum(-2) / views)
    rig_error = (weights * rig_variance).sum(-2) / (weights.sum(-2) + 1e-6)
    return Quality(misfit, misfit.mean(-1, keepdim=True).expand_as(misfit), torch.log1p(rig_error))
