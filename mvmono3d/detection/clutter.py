"""Rooms that are not dark: something else behind the actors of training crops."""

import math
from dataclasses import dataclass

import cv2
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

_SOFT = 0.15
"""Over which share of the actor's brightness the background fades into it."""
_GRAINS = (3, 6, 12, 24, 48)
"""Spots along a side."""
_FINE = 20
_CABLES, _THICKEST = 5, 0.08
"""How many in a picture, and how thick, as a share of its width."""
_ALONG = torch.linspace(0.0, 1.0, 24)[:, None]
_BEND = torch.cat(
    [(1 - _ALONG) ** 3, 3 * _ALONG * (1 - _ALONG) ** 2, 3 * _ALONG**2 * (1 - _ALONG), _ALONG**3], dim=1
)
"""(point, end): a Bezier curve of third degree."""


@dataclass(frozen=True, kw_only=True)
class Clutter:
    """Patchwork put behind actors, darker or brighter than they are.

    Rendered actors stand out from rooms that swallow light; pictures of other rooms have edges everywhere.
    What is much darker than the joints that a crop shows counts as room (domain randomisation: Tobin et al.,
    2017).
    """

    share: float
    """Share of the crops that get another background."""
    darker: float
    """What is darker than this share of the visible joints' mean brightness is replaced."""
    brightest: float
    """Largest mean grey value of a background."""
    dimmest: float
    """Least brightness of an actor before it, as a share of the largest."""

    def __call__(
        self,
        images: Float[Tensor, "crop 1 height width"],
        pixels: Float[Tensor, "crop joint 2"],
        visible: Bool[Tensor, "crop joint"],
        random: torch.Generator,
    ) -> Float[Tensor, "crop 1 height width"]:
        """Return the crops before other backgrounds; those that show no joint stay as they are.

        Args:
            images: within [0, 1].
            pixels: joints (u, v) in the crop [px].
            visible: which joints it shows.
            random: decides everything.
        """
        soft = avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
        actor = _brightness_at(soft, pixels, visible)[:, None, None, None]
        solid = ((soft / actor.clamp_min(1e-3) - self.darker) / _SOFT).clamp(0.0, 1.0)
        behind = patchwork(images.shape[0], images.shape[-2:], random).to(images.device)
        level = (self.brightest * torch.rand(images.shape[0], 1, 1, 1, generator=random)).to(images.device)
        room = (2.0 * level * behind).clamp(0.0, 1.0)
        wanted = self.dimmest + (1.0 - self.dimmest) * torch.rand(level.shape, generator=random).to(level)
        lit = (images * 0.8 * wanted / actor.clamp_min(1e-3)).clamp(0.0, 1.0)
        changed = torch.rand(images.shape[0], 1, 1, 1, generator=random).to(images.device) < self.share
        changed = changed & visible.any(dim=-1)[:, None, None, None]
        return torch.where(changed, solid * lit + (1.0 - solid) * room, images)


def patchwork(
    crops: int, size: tuple[int, int] | torch.Size, random: torch.Generator
) -> Float[Tensor, "crop 1 height width"]:
    """Return grey fields, soft shades, stripes and cables within [0, 1], different for every crop."""
    shades = torch.zeros(crops, 1, *size)
    total = torch.zeros(crops, 1, 1, 1)
    for grain in _GRAINS:
        spots = torch.rand(crops, 1, grain, grain, generator=random)
        smooth = interpolate(spots, size=size, mode="bilinear", align_corners=True)
        levels = torch.randint(2, 6, (crops, 1, 1, 1), generator=random)
        hard = torch.rand(crops, 1, 1, 1, generator=random) < 0.6
        field = torch.where(hard, torch.floor(smooth * levels) / (levels - 1), smooth)
        # Fine grain everywhere would be all there is to see.
        weight = torch.rand(crops, 1, 1, 1, generator=random) ** (1.0 if grain < _FINE else 4.0)
        shades, total = shades + weight * field, total + weight
    return _cabled(_striped(shades / total, random).clamp(0.0, 1.0), random)


def _striped(
    shades: Float[Tensor, "crop 1 height width"], random: torch.Generator
) -> Float[Tensor, "crop 1 height width"]:
    """Lay straight-edged bands over half of the pictures, in every direction and width."""
    crops, _, height, width = shades.shape

    def each() -> Tensor:
        return torch.rand(crops, 1, 1, 1, generator=random)

    turn, waves = 2.0 * math.pi * each(), 1.0 + 14.0 * each() ** 2
    v, u = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    place = waves * (torch.cos(turn) * u + torch.sin(turn) * v) + each()
    bands = (place % 1.0 < 0.2 + 0.6 * each()).to(shades.dtype)
    strength = torch.where(each() < 0.5, 0.7 * each(), torch.zeros(()))
    return (1.0 - strength) * shades + strength * bands


def _cabled(
    shades: Float[Tensor, "crop 1 height width"], random: torch.Generator
) -> Float[Tensor, "crop 1 height width"]:
    """Draw bent lines over half of the pictures: thin and round, they look most like fingers."""
    height, width = shades.shape[-2:]
    drawn = (255.0 * shades[:, 0]).to(torch.uint8).numpy()
    for picture in drawn:
        if torch.rand((), generator=random) < 0.5:
            continue
        for _ in range(int(torch.randint(1, _CABLES + 1, (), generator=random))):
            ends = (1.4 * torch.rand(4, 2, generator=random) - 0.2) * torch.tensor([width, height])
            thickness, grey = torch.rand(2, generator=random).tolist()
            cv2.polylines(
                picture,
                [_BEND.matmul(ends).round().to(torch.int32).numpy()],
                isClosed=False,
                color=int(255 * grey),
                thickness=1 + int(_THICKEST * thickness**2 * width),
                lineType=cv2.LINE_AA,
            )
    return torch.from_numpy(drawn)[:, None].to(shades.dtype) / 255.0


def _brightness_at(
    images: Float[Tensor, "crop 1 height width"],
    pixels: Float[Tensor, "crop joint 2"],
    visible: Bool[Tensor, "crop joint"],
) -> Float[Tensor, " crop"]:
    """Return the mean grey value of each crop's visible joints."""
    height, width = images.shape[-2:]
    u, v = pixels.round().long().unbind(-1)
    grey = images.flatten(1).gather(1, v.clamp(0, height - 1) * width + u.clamp(0, width - 1))
    seen = visible.to(grey.dtype)
    return (grey * seen).sum(-1) / seen.sum(-1).clamp_min(1.0)
