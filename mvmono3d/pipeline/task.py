"""Train the whole reconstructor: glue between nets, loss and Lightning."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.training_steps import fit_units, make_lesson, optimisation, validation_counter
from mvmono3d.pipeline.loss import ReconstructorLoss
from mvmono3d.pipeline.reconstructor import Reconstructor


class ReconstructorTask(LightningModule):
    """Train on clips; `target` decides whether with labels or without."""

    def __init__(
        self,
        *,
        reconstructor: Reconstructor,
        loss: ReconstructorLoss,
        target: TargetMaker,
        mask: MaskSettings,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.reconstructor, self.loss, self.target = reconstructor, loss, target
        self.mask, self.optimiser, self.schedule, self.seed = mask, optimiser, schedule, seed

    def prepare(self, batches: Iterable[Clip]) -> None:
        """Fit the network's units to training clips, before the first step."""
        fit_units(self.reconstructor.units, batches)

    def training_step(self, batch: Clip, batch_index: int) -> Tensor:
        """Hide some measurements, reconstruct, compare with the target made from all of them."""
        return self._losses(batch, counter=self.global_step, stage="train")

    def validation_step(self, batch: Clip, batch_index: int) -> None:
        """Do the same with fixed masks, and measure the error where truth is."""
        self._losses(batch, counter=validation_counter(batch_index), stage="val")
        if batch.truth is not None:
            error = self._error_mm(batch, batch.truth)
            self.log("val/mpjpe_mm", error, batch_size=_size(batch), prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Build the optimiser with its schedule over the whole run."""
        return optimisation(self, self.optimiser, self.schedule)

    def _losses(self, batch: Clip, *, counter: int, stage: str) -> Tensor:
        lesson = make_lesson(
            batch,
            units=self.reconstructor.units,
            target=self.target,
            mask=self.mask,
            seed=self.seed,
            counter=counter,
        )
        views = batch.observations.pixels.shape[2]
        start = self.reconstructor.start(batch=_size(batch), views=views)
        _, trace, _ = self.reconstructor(lesson.evidence, start)
        total, terms = self.loss(trace, lesson, self.reconstructor)
        named = {f"{stage}/{name}": value for name, value in terms.items()}
        sync = stage == "val"
        self.log(f"{stage}/loss", total, batch_size=_size(batch), prog_bar=True, sync_dist=sync)
        self.log_dict(named, batch_size=_size(batch), sync_dist=sync)
        return total

    def _error_mm(self, batch: Clip, truth: Trajectory) -> Tensor:
        frames = frames_of_clip(batch)
        start = self.reconstructor.start(batch=_size(batch), views=frames.pixels.shape[2])
        answer, _, _ = self.reconstructor(self.reconstructor.gather(frames), start)
        distance = (answer.points_world - truth.points_world).square().sum(-1).sqrt()
        answered = answer.source > 0
        return 1e3 * torch.where(answered, distance, 0.0).sum() / answered.sum().clamp(min=1)


def _size(batch: Clip) -> int:
    return int(batch.observations.pixels.shape[0])
