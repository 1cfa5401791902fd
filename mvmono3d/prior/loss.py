"""The prior is right when its guesses are near and it knows how near."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.nn.likelihood import masked_mean, student_t_3d


def guess_loss(
    guess: Float[Tensor, "*batch joint 3"],
    precision: Float[Tensor, "*batch joint"],
    *,
    target: Float[Tensor, "*batch joint 3"],
    reliable: Bool[Tensor, "*batch joint"],
) -> Float[Tensor, ""]:
    """Return distance (20 units make 1) plus the likelihood of the target under the stated precision."""
    distance = ((guess - target).square().sum(-1) + 1e-6).sqrt()
    identity = torch.eye(3, dtype=guess.dtype, device=guess.device)
    likelihood = student_t_3d(guess - target, identity / precision[..., None, None])
    return masked_mean(20.0 * distance + 0.3 * likelihood, reliable)
