"""What a 2D joint network is trained on: where joints are, how wrong it is, and what is visible."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.detection.heatmap import STRIDE, inside, target_maps
from mvmono3d.detection.net import JointMaps
from mvmono3d.nn.likelihood import masked_mean, student_t_2d

_TARGET_SIGMA_PX = 1.25 * STRIDE


class DetectionLosses(NamedTuple):
    """Means over the joints that have a label."""

    maps: Float[Tensor, ""]
    """Cross-entropy between a normal distribution around the label and the map."""
    place: Float[Tensor, ""]
    """Negative log-likelihood of the label under the stated place and error [nats]."""
    visible: Float[Tensor, ""]
    """Cross-entropy of what is visible."""
    error_px: Float[Tensor, ""]
    """Mean distance of the stated place from the label."""


def detection_losses(
    found: JointMaps,
    pixels: Float[Tensor, "crop joint 2"],
    *,
    labelled: Bool[Tensor, "crop joint"],
    visible: Bool[Tensor, "crop joint"],
    visible_known: Bool[Tensor, "crop joint"],
) -> DetectionLosses:
    """Compare with labels; a joint that the crop doesn't hold teaches nothing.

    Args:
        found: what the network says.
        pixels: true places in the crop [px]; finite where not labelled.
        labelled: which of them are known.
        visible: which joints nothing hides.
        visible_known: for which joints that is known.
    """
    rows, columns = found.logits.shape[-2:]
    held = labelled & inside(pixels, height=rows * STRIDE, width=columns * STRIDE)
    target = target_maps(pixels, rows=rows, columns=columns, sigma_px=_TARGET_SIGMA_PX)
    log_density = torch.log_softmax(found.logits.flatten(2), dim=-1)
    entropy = -(target.flatten(2) * log_density).sum(-1)
    error = found.pixels - pixels
    unseen = torch.nn.functional.binary_cross_entropy_with_logits(
        found.visible, visible.to(found.visible.dtype), reduction="none"
    )
    return DetectionLosses(
        maps=masked_mean(entropy, held),
        place=masked_mean(student_t_2d(error, torch.exp(2.0 * found.log_sigma_px)), held),
        visible=masked_mean(unseen, visible_known),
        error_px=masked_mean(torch.linalg.vector_norm(error, dim=-1), held),
    )
