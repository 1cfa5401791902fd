"""What the occlusion part is trained on: states, and the size of each measurement's error."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mvmono3d.nn.likelihood import masked_mean, student_t_2d

_RARITY = (0.6, 1.5, 1.5, 1.0)
"""Weights of the four states against their frequencies: most measurements are visible."""


def state_loss(
    logits: Float[Tensor, "*batch view joint 4"],
    states: Int[Tensor, "*batch view joint"],
    *,
    labelled: Bool[Tensor, "*batch view joint"],
) -> Float[Tensor, ""]:
    """Return the cross-entropy of labelled measurements."""
    weight = torch.tensor(_RARITY, dtype=logits.dtype, device=logits.device)
    each = torch.nn.functional.cross_entropy(
        logits.movedim(-1, 1), states.long(), weight=weight, reduction="none"
    )
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
