"""Train the view weights alone: features in, weights out, likelihood of the target through the solve."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.nn.held_features import HeldFeatures
from mvmono3d.nn.likelihood import masked_mean
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.training_steps import fit_units, make_lesson, optimisation, validation_counter
from mvmono3d.nn.units import Units
from mvmono3d.triangulation.loss import left_out_loss, point_loss
from mvmono3d.triangulation.net import ViewWeights, pose_variance


class TriangulationTask(LightningModule):
    """Learn which views to trust, knowing nothing of occlusion states."""

    def __init__(
        self,
        *,
        net: ViewWeights,
        units: Units,
        target: TargetMaker,
        mask: MaskSettings,
        left_out_weight: float,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.net, self.units, self.target, self.mask = net, units, target, mask
        self.features = HeldFeatures(skeleton=units.skeleton)
        self.left_out_weight, self.seed = left_out_weight, seed
        self.optimiser, self.schedule = optimiser, schedule

    def prepare(self, batches: Iterable[Clip]) -> None:
        """Fit the network's units to training clips, before the first step."""
        fit_units(self.units, batches)

    def training_step(self, batch: Clip, batch_index: int) -> Tensor:
        """Triangulate every joint of a clip with learned weights."""
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
        frames, target = lesson.evidence.frames, lesson.target
        log_sigma = torch.zeros_like(frames.confidence)
        weights = self.net(
            seen.features,
            logits=log_sigma[..., None].expand(*log_sigma.shape, len(OcclusionState)),
            log_sigma=log_sigma,
            pose_variance=pose_variance(seen.linearised, lens=frames.lens, pose_sigma=frames.pose_sigma),
            usable=seen.linearised.usable,
        )
        solved = self.net.solve(seen.equations, weights, reference=seen.held.points)
        points = point_loss(
            solved.points,
            solved.covariance,
            target=target.points,
            target_variance=target.variance,
            reliable=target.reliable,
        )
        left_out = left_out_loss(
            seen.linearised,
            seen.equations,
            weights=weights,
            log_sigma=-0.5 * torch.log(weights.clamp(min=1e-6)),
            prior_precision=self.net.prior_precision,
        )
        distance = (solved.points - target.points).square().sum(-1).sqrt()
        error_mm = 1e3 * self.units.unit_m * masked_mean(distance, target.reliable)
        total = points + self.left_out_weight * left_out
        named = {"loss": total, "points": points, "left_out": left_out, "error_mm": error_mm}
        self.log_dict(
            {f"{stage}/{name}": value for name, value in named.items()},
            batch_size=frames.pixels.shape[0],
            prog_bar=True,
            sync_dist=stage == "val",
        )
        return total
