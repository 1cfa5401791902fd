"""How far a joint's place can be used, as one number: what trackers and triangulation ask for."""

import torch
from jaxtyping import Float
from torch import Tensor

_NEAR = 0.05
"""A place is near the truth within this share of the crop's side."""
_GUESSED = 0.3
"""What a place counts that is surely near, of a joint that is surely hidden."""


def confidence(
    log_sigma_px: Float[Tensor, "*batch joint"], visible: Float[Tensor, "*batch joint"], *, size: int
) -> Float[Tensor, "*batch joint"]:
    """Return the probability that a place is near the truth, less where the joint is not seen.

    Args:
        log_sigma_px: logarithm of the error's standard deviation per axis [px].
        visible: logit that nothing hides it.
        size: side of the crop [px].
    """
    # The length of a normal error in the plane has a Rayleigh distribution.
    near = 1.0 - torch.exp(-0.5 * (_NEAR * size) ** 2 * torch.exp(-2.0 * log_sigma_px))
    return near * (_GUESSED + (1.0 - _GUESSED) * torch.sigmoid(visible))
