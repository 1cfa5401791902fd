"""Multi-view consistency: every view is predicted from the others, through the solve itself."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.nn.likelihood import masked_mean, student_t_2d, student_t_3d
from mvmono3d.nn.linearise import Linearised, NormalEquations, solve_equations, weighted


def left_out_loss(
    linearised: Linearised,
    equations: NormalEquations,
    *,
    weights: Float[Tensor, "*batch view joint"],
    log_sigma: Float[Tensor, "*batch view joint"],
    prior_precision: float,
) -> Float[Tensor, ""]:
    """Return the likelihood of each detection under the other views' point, uncertainties included.

    The residual's variance is the measurement's own plus what the other views leave open. A view that
    contradicts the others can only lower its loss by admitting a large sigma. Needs no label.
    """
    each = weighted(equations, weights)
    step, covariance = solve_equations(each.sum(-3, keepdim=True) - each, precision=prior_precision)
    error = linearised.residual - (linearised.jacobian * step[..., None, :]).sum(-1)
    spread = (linearised.jacobian[..., None] * covariance[..., None, :, :]).sum(-2)
    open_variance = 0.5 * (spread * linearised.jacobian).sum((-2, -1))
    variance = torch.exp(2.0 * log_sigma) + open_variance
    count = linearised.usable.sum(-2, keepdim=True) - linearised.usable.to(torch.int64)
    return masked_mean(student_t_2d(error, variance), linearised.usable & (count >= 2))


def point_loss(
    points: Float[Tensor, "*batch joint 3"],
    covariance: Float[Tensor, "*batch joint 3 3"],
    *,
    target: Float[Tensor, "*batch joint 3"],
    target_variance: Float[Tensor, "*batch joint"],
    reliable: Bool[Tensor, "*batch joint"],
) -> Float[Tensor, ""]:
    """Return the negative log-likelihood of target points under the stated covariance."""
    identity = torch.eye(3, dtype=points.dtype, device=points.device)
    total = covariance + target_variance[..., None, None] * identity
    return masked_mean(student_t_3d(points - target, total), reliable)
