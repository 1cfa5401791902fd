"""Train the 2D joint network on labelled crops."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from mvmono3d.data.crops import Crops
from mvmono3d.detection.clutter import Clutter
from mvmono3d.detection.loss import detection_losses
from mvmono3d.detection.net import JointNet
from mvmono3d.detection.photometric import Photometric
from mvmono3d.nn.schedule import scheduled


class DetectionTask(LightningModule):
    """Learn places, their errors and what is visible.

    Args:
        net: the network.
        photometric: how training crops vary in brightness, blur, noise and covered patches.
        clutter: what they get for a background before.
        place_weight: of the likelihood of stated places, beside the maps' cross-entropy.
        visible_weight: of the visibility.
        optimiser: makes the optimiser of parameters.
        schedule: makes its learning rate.
        seed: decides the variation of crops.
    """

    def __init__(
        self,
        *,
        net: JointNet,
        photometric: Photometric,
        clutter: Clutter,
        place_weight: float,
        visible_weight: float,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.net, self.photometric, self.clutter, self.seed = net, photometric, clutter, seed
        self.place_weight, self.visible_weight = place_weight, visible_weight
        self.optimiser, self.schedule = optimiser, schedule

    def training_step(self, batch: Crops, batch_index: int) -> Tensor:
        """Learn from one batch under a variation that the step's number decides."""
        random = torch.Generator(device="cpu").manual_seed(self.seed * 1_000_003 + self.global_step)
        images = self.clutter(grey(batch.images), batch.pixels, batch.visible, random)
        varied = self.photometric(images, random)
        visible = batch.visible & varied.shows(batch.pixels)
        return self._take(replace(batch, visible=visible), varied.images, stage="train")

    def validation_step(self, batch: Crops, batch_index: int) -> None:
        """Judge one batch as it is."""
        self._take(batch, grey(batch.images), stage="val")

    def configure_optimizers(self) -> Any:
        """Build the optimiser with its schedule over the whole run."""
        return scheduled(self, self.optimiser, self.schedule)

    def _take(self, batch: Crops, images: Tensor, *, stage: str) -> Tensor:
        found = self.net(images)
        losses = detection_losses(
            found,
            batch.pixels,
            labelled=batch.labelled,
            visible=batch.visible,
            visible_known=batch.visible_known,
        )
        total = losses.maps + self.place_weight * losses.place + self.visible_weight * losses.visible
        for name, value in {"loss": total, **losses._asdict()}.items():
            self.log(
                f"{stage}/{name}",
                value,
                batch_size=images.shape[0],
                prog_bar=name in {"loss", "error_px"},
                sync_dist=stage == "val",
            )
        return total


def grey(images: Tensor) -> Tensor:
    """Return 8-bit images as floating-point numbers in [0, 1]."""
    return images.to(torch.float32) / 255.0
