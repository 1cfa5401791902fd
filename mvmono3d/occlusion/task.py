"""Train the occlusion part alone, about the held consensus of each joint."""

from collections.abc import Callable, Iterable
from typing import Any

from lightning import LightningModule
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.held_features import HeldFeatures
from mvmono3d.nn.linearise import pixel_variance, shifted_residual
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.training_steps import fit_units, make_lesson, optimisation, validation_counter
from mvmono3d.nn.units import Units
from mvmono3d.occlusion.loss import noise_loss, state_loss
from mvmono3d.occlusion.net import OcclusionNet


class OcclusionTask(LightningModule):
    """Learn states and measurement noise."""

    def __init__(
        self,
        *,
        net: OcclusionNet,
        units: Units,
        target: TargetMaker,
        mask: MaskSettings,
        noise_weight: float,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.net, self.units, self.target, self.mask = net, units, target, mask
        self.features = HeldFeatures(skeleton=units.skeleton)
        self.noise_weight, self.seed = noise_weight, seed
        self.optimiser, self.schedule = optimiser, schedule

    def prepare(self, batches: Iterable[Clip]) -> None:
        """Fit the network's units to training clips, before the first step."""
        fit_units(self.units, batches)

    def training_step(self, batch: Clip, batch_index: int) -> Tensor:
        """Classify every measurement of a clip."""
        return self._losses(batch, counter=self.global_step, stage="train")

    def validation_step(self, batch: Clip, batch_index: int) -> None:
        """Do the same with fixed masks."""
        self._losses(batch, counter=validation_counter(batch_index), stage="val")

    def configure_optimizers(self) -> Any:
        """Build the optimiser with its schedule over the whole run."""
        return optimisation(self, self.optimiser, self.schedule)

    def _losses(self, batch: Clip, *, counter: int, stage: str) -> Tensor:
        lesson = make_lesson(
            batch, units=self.units, target=self.target, mask=self.mask, seed=self.seed, counter=counter
        )
        seen = self.features.of_recording(lesson.evidence, unit_m=self.units.unit_m)
        clips, _, views, joints = seen.linearised.usable.shape
        logits, log_sigma, _ = self.net(
            seen.features,
            view_mask=lesson.evidence.frames.view_mask,
            hidden=self.net.start(batch=clips, views=views, joints=joints),
        )
        target = lesson.target
        states = state_loss(logits, target.states, labelled=target.labelled)
        noise = noise_loss(
            shifted_residual(seen.linearised, target.points - seen.held.points),
            log_sigma,
            known=seen.linearised.usable & target.reliable[..., None, :],
            target_variance=pixel_variance(seen.linearised, target.variance),
        )
        right = (logits.argmax(-1) == target.states)[target.labelled].float().mean()
        total = states + self.noise_weight * noise
        named = {"loss": total, "states": states, "noise": noise, "accuracy": right}
        self.log_dict(
            {f"{stage}/{name}": value for name, value in named.items()},
            batch_size=batch.observations.pixels.shape[0],
            prog_bar=True,
            sync_dist=stage == "val",
        )
        return total
