"""Joint networks as graphs of plain tensors: crops in, joints or where to look out."""

from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mvmono3d.detection.confidence import confidence
from mvmono3d.detection.heatmap import probabilities
from mvmono3d.detection.net import JointNet


class JointAnswer(NamedTuple):
    """In the order of `deploy.detect.bundle.OUTPUTS`."""

    pixels: Float[Tensor, "view joint 2"]
    sigma_px: Float[Tensor, "view joint"]
    confidence: Float[Tensor, "view joint"]
    visible: Float[Tensor, "view joint"]


class FinderAnswer(NamedTuple):
    """In the order of `deploy.detect.bundle.OUTPUTS`."""

    density: Float[Tensor, "view row column"]
    presence: Float[Tensor, " view"]


class JointGraph(nn.Module):
    """Where the joints of every crop are."""

    def __init__(self, net: JointNet) -> None:
        super().__init__()
        self.net = fused(net)

    def forward(self, images: Float[Tensor, "view 1 size size"]) -> JointAnswer:
        """Find the joints."""
        found = self.net(images)
        return JointAnswer(
            found.pixels,
            torch.exp(found.log_sigma_px),
            confidence(found.log_sigma_px, found.visible, size=self.net.size),
            torch.sigmoid(found.visible),
        )


class FinderGraph(nn.Module):
    """Where in whole pictures joints are."""

    def __init__(self, net: JointNet) -> None:
        super().__init__()
        self.net = fused(net)

    def forward(self, images: Float[Tensor, "view 1 size size"]) -> FinderAnswer:
        """Find the actor."""
        found = self.net(images)
        return FinderAnswer(probabilities(found.logits).mean(1), torch.sigmoid(found.visible).mean(1))


def fused(net: JointNet) -> JointNet:
    """Return a copy in which each normalisation is part of the convolution before it: the same answers."""
    copy = deepcopy(net).eval()
    for module in list(copy.modules()):
        if isinstance(module, nn.Sequential):
            _fuse(module)
    return copy


def _fuse(chain: nn.Sequential) -> None:
    for place in range(len(chain) - 1):
        convolution, norm = chain[place], chain[place + 1]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            chain[place], chain[place + 1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
