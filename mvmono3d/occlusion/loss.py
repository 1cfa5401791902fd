"""What the occlusion part is trained on: states, and the size of each measurement's error."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mvmono3d.nn.likelihood import masked_mean, student_t_2d

_RAREST = 0.01
"""Share of the measurements below which a state weighs no more."""


def state_loss(
    logits: Float[Tensor, "*batch view joint 4"],
    states: Int[Tensor, "*batch view joint"],
    *,
    labelled: Bool[Tensor, "*batch view joint"],
) -> Float[Tensor, ""]:
    """Return the cross-entropy of labelled measurements, rare states weighing more.

    Weights are the inverse roots of the states' shares in the batch: half way between counting every
    measurement alike, where rare states are never answered, and every state alike, where they are invented.
    """
    target = states.long()
    counts = torch.stack([(labelled & (target == state)).sum() for state in range(logits.shape[-1])])
    share = counts / counts.sum().clamp(min=1)
    weight = share.clamp(min=_RAREST).rsqrt()
    weight = (weight / (weight * share).sum().clamp(min=_RAREST)).to(logits.dtype)
    each = torch.nn.functional.cross_entropy(logits.movedim(-1, 1), target, weight=weight, reduction="none")
    return masked_mean(each, labelled)


def noise_loss(
    error: Float[Tensor, "*batch view joint 2"],
    log_sigma: Float[Tensor, "*batch view joint"],
    *,
    known: Bool[Tensor, "*batch view joint"],
    target_variance: Float[Tensor, "*batch view joint"],
) -> Float[Tensor, ""]:
    """Return the negative log-likelihood of detections around known joints, in noise units."""
    variance = torch.exp(2.0 * log_sigma) + target_variance
    return masked_mean(student_t_2d(error, variance), known)
