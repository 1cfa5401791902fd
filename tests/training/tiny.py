"""The smallest task that learns: joints from pixels, with dropout, on clips that cost nothing."""

import os
import signal
from collections.abc import Callable
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from mvmono3d.core.clip import Clip


class TinyTask(lightning.LightningModule):
    def __init__(
        self, *, optimiser: Callable[..., Any], schedule: Callable[..., Any], poison_from: int = -1
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 12))
        self._optimiser, self._schedule = optimiser, schedule
        self._poison_from = poison_from

    def training_step(self, batch: Clip, batch_index: int) -> Tensor:
        loss = self._loss(batch)
        self.log("train/loss", loss, batch_size=len(batch.observations.time_ns))
        poisoned = 0 <= self._poison_from <= self.global_step
        return loss * float("inf") if poisoned else loss

    def validation_step(self, batch: Clip, batch_index: int) -> None:
        size = len(batch.observations.time_ns)
        self.log("val/loss", self._loss(batch), batch_size=size, sync_dist=True)

    def configure_optimizers(self) -> Any:
        optimiser = self._optimiser(self.parameters())
        total = int(self.trainer.estimated_stepping_batches)
        schedule = self._schedule(optimiser, total_steps=total)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _loss(self, batch: Clip) -> Tensor:
        if batch.truth is None:
            raise ValueError("TinyTask needs labels")
        found = self.net(batch.observations.pixels.flatten(2) / 1000)
        return torch.nn.functional.mse_loss(found, batch.truth.points_world.flatten(2))


class KillAt(lightning.Callback):
    """Die as by kill -9 at the n-th call of a hook."""

    def __init__(self, *, hook: str, call: int) -> None:
        self._left = call
        setattr(self, hook, self._count)

    def _count(self, *_: object, **__: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
