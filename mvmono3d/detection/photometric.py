"""Variation of training crops that leaves joints where they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class Varied(NamedTuple):
    """Crops that look different, with their joints where they were."""

    images: Float[Tensor, "crop 1 height width"]
    """Within [0, 1]."""
    covered: Bool[Tensor, "crop 1 height width"]
    """Pixels that something now hides."""

    def shows(self, pixels: Float[Tensor, "crop joint 2"]) -> Bool[Tensor, "crop joint"]:
        """Return which joints aren't covered."""
        height, width = self.covered.shape[-2:]
        u, v = pixels.round().long().unbind(-1)
        flat = self.covered.flatten(1)
        return ~flat.gather(1, v.clamp(0, height - 1) * width + u.clamp(0, width - 1))


@dataclass(frozen=True, kw_only=True)
class Photometric:
    """How much crops vary; each is drawn for every crop on its own. Zeros leave crops as they are."""

    gain: float
    """Largest factor of brightness, and of its inverse, as a natural logarithm."""
    gamma: float
    """The same for the exponent of brightness."""
    lift: float
    """Largest grey level added everywhere, of a full scale of 1."""
    noise: float
    """Largest standard deviation of the noise added to each pixel."""
    blur_share: float
    """Share of the crops that are averaged over 3 x 3 pixels."""
    patch_share: float
    """Share of the crops in which a rectangle is covered by one grey level."""
    patch_size: float
    """Largest side of that rectangle, as a share of the crop's."""

    def __call__(self, images: Float[Tensor, "crop 1 height width"], random: torch.Generator) -> Varied:
        """Return the crops varied, and where a rectangle covers them."""
        crops = images.shape[0]

        def draw(*shape: int) -> Tensor:
            return torch.rand(crops, *shape, generator=random).to(images.device)

        def each() -> Tensor:
            return draw(1, 1, 1)

        varied = images.clamp(0.0, 1.0) ** torch.exp(self.gamma * (2.0 * each() - 1.0))
        varied = varied * torch.exp(self.gain * (2.0 * each() - 1.0)) + self.lift * (2.0 * each() - 1.0)
        blurred = torch.nn.functional.avg_pool2d(varied, 3, stride=1, padding=1, count_include_pad=False)
        varied = torch.where(each() < self.blur_share, blurred, varied)
        covered = self._covered(images, draw)
        varied = torch.where(covered, each(), varied)
        white = torch.randn(images.shape, generator=random).to(images.device)
        return Varied((varied + self.noise * each() * white).clamp(0.0, 1.0), covered)

    def _covered(
        self, images: Float[Tensor, "crop 1 height width"], draw: Callable[..., Tensor]
    ) -> Bool[Tensor, "crop 1 height width"]:
        """Return which pixels lie under a crop's rectangle."""
        height, width = images.shape[-2:]
        covered = draw(1, 1, 1) < self.patch_share
        for axis, count in ((-2, height), (-1, width)):
            place = torch.arange(count, device=images.device, dtype=images.dtype)
            place = place.reshape((count, 1) if axis == -2 else (1, count))
            size = self.patch_size * count * draw(1, 1, 1)
            start = draw(1, 1, 1) * (count - size)
            covered = covered & (place >= start) & (place < start + size)
        return covered
