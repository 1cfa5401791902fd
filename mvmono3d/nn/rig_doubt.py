"""Whether the rig seems to be off: what all joints of a view have in common is not their detector's doing."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mvmono3d.nn.linearise import Linearised, shifted_residual


class RigDoubt(NamedTuple):
    """Three numbers per frame set, 0 at best, log-compressed: means over the views that see something."""

    common_offset: Float[Tensor, "*batch"]
    """Squared mean over the joints of the offsets that were taken out [noise units]."""
    offset_spread: Float[Tensor, "*batch"]
    """Mean square of these offsets."""
    common_residual: Float[Tensor, "*batch"]
    """Square of the weighted sum of what is left, over its variance if joints erred independently."""


def doubt_rig(
    linearised: Linearised,
    weights: Float[Tensor, "*batch view joint"],
    *,
    step: Float[Tensor, "*batch joint 3"],
    offsets: Float[Tensor, "*batch view joint 2"],
) -> RigDoubt:
    """Compare views as wholes, at the solution `step` from the reference.

    `offsets` were taken out of the detections already (`nn.offsets`) [noise units].
    """
    count = linearised.usable.to(weights.dtype).sum(-1)
    seeing = count.clamp(max=1.0)
    pulled = (weights[..., None] * shifted_residual(linearised, step)).sum(-2)
    of_views = torch.stack(
        [
            (offsets.sum(-2) / count.clamp(min=1.0)[..., None]).square().sum(-1),
            pulled.square().sum(-1) / (2.0 * weights.sum(-1) + 1e-6),
        ],
        dim=-2,
    )
    common = (of_views * seeing[..., None, :]).sum(-1) / seeing.sum(-1, keepdim=True).clamp(min=1.0)
    spread = offsets.square().sum((-3, -2, -1)) / count.sum(-1).clamp(min=1.0)
    offset, residual = torch.log1p(common).unbind(-1)
    return RigDoubt(offset, torch.log1p(spread), residual)
