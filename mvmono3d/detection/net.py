"""A 2D joint network for monochrome crops: dense convolutions and one heatmap per joint."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.detection.heatmap import STRIDE, expected_pixels, probabilities
from mvmono3d.errors import ConfigurationError

_WIDEST = 4 * STRIDE
"""Pixels of the crop per cell of the deepest stage."""


class JointMaps(NamedTuple):
    """What the network believes of each joint of a crop."""

    logits: Float[Tensor, "crop joint row column"]
    """Unnormalised log-probability that the joint lies in a cell of 4 x 4 pixels."""
    pixels: Float[Tensor, "crop joint 2"]
    """The expected place (u, v) in the crop [px]."""
    log_sigma_px: Float[Tensor, "crop joint"]
    """Logarithm of the error's standard deviation per axis [px]."""
    visible: Float[Tensor, "crop joint"]
    """Logit that nothing is between the joint and the camera."""


class JointNet(nn.Module):
    """Residual convolutions down to a sixteenth, features joined on the way back to a quarter.

    Dense convolutions, because int8 makes them about three times as fast on a CPU and depthwise ones hardly
    (He et al., Deep Residual Learning, 2016; Lin et al., Feature Pyramid Networks, 2017). A joint's place is
    its map's expectation (Sun et al., Integral Human Pose Regression, 2018). Its error and whether it is
    visible are read from the features under its map, so that a hidden joint still has a place, and says
    that it is guessed.

    Args:
        skeleton: the joints, one map each.
        width: channels of the first stage; each of the two next ones has twice as many.
        blocks: residual blocks of each of the three stages.
        size: height and width of a crop [px], a multiple of 16.
    """

    def __init__(self, *, skeleton: Skeleton, width: int, blocks: Sequence[int], size: int) -> None:
        super().__init__()
        if size % _WIDEST or size < 2 * _WIDEST:
            raise ConfigurationError(
                f"crops of {size} px don't fit this network: their size must be a multiple of {_WIDEST}, "
                f"{2 * _WIDEST} or more; {max(2, round(size / _WIDEST)) * _WIDEST} would work"
            )
        joints = len(skeleton.joints)
        self.size = size
        self.stem = _convolution(1, width // 2, stride=2)
        self.stages = nn.ModuleList(
            _stage(width * 2**level // 2, width * 2**level, blocks=count)
            for level, count in enumerate(blocks)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width * 2**level, width, 1) for level in range(len(blocks)))
        self.merge = nn.ModuleList(_convolution(width, width) for _ in range(len(blocks) - 1))
        self.maps = nn.Conv2d(width, joints, 1)
        self.embedding = nn.Parameter(0.1 * torch.randn(joints, width))
        self.judge = nn.Sequential(nn.Linear(width + 1, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, images: Float[Tensor, "crop 1 height width"]) -> JointMaps:
        """Find the joints of crops whose grey values are in [0, 1]."""
        # Channels beside each other: what a CPU's matrix units, and a GPU's, are fastest at.
        features = self._features(images.contiguous(memory_format=torch.channels_last))
        # Places are read from the maps at full precision, whatever the convolutions were calculated in.
        logits = self.maps(features).float()
        density = probabilities(logits)
        pixels, spread_px = expected_pixels(density)
        under = density.flatten(2) @ features.float().flatten(2).transpose(1, 2)
        told = torch.cat([torch.relu(under + self.embedding), torch.log(spread_px)[..., None]], dim=-1)
        error, visible = self.judge(told).float().unbind(-1)
        return JointMaps(logits, pixels, error.clamp(-3.0, 6.0), visible)

    def _features(self, images: Tensor) -> Tensor:
        deeper = self.stem(images - 0.5)
        levels = []
        for stage in self.stages:
            deeper = stage(deeper)
            levels.append(deeper)
        joined = self.lateral[-1](levels[-1])
        for level in reversed(range(len(levels) - 1)):
            joined = nn.functional.interpolate(joined, scale_factor=2.0, mode="nearest")
            joined = self.merge[level](joined + self.lateral[level](levels[level]))
        return joined


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.second(self.first(features)))


def _convolution(narrow: int, wide: int, *, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(wide), nn.ReLU())


def _stage(narrow: int, wide: int, *, blocks: int) -> nn.Sequential:
    return nn.Sequential(_convolution(narrow, wide, stride=2), *(_Residual(wide) for _ in range(blocks)))
