"""Train the skeleton prior alone: guess hidden joints from the others and the past."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.hold import hold, nothing_held, shifted
from mvmono3d.nn.likelihood import masked_mean
from mvmono3d.nn.linearise import variance_of
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.training_steps import fit_units, make_lesson, optimisation, validation_counter
from mvmono3d.nn.units import Units
from mvmono3d.prior.body import follow_body, no_body
from mvmono3d.prior.loss import guess_loss
from mvmono3d.prior.net import PriorNet, PseudoMeasurement

_HIDDEN_VARIANCE_PER_S = 0.1
"""How fast the variance of a held joint grows, in network units."""


class PriorTask(LightningModule):
    """Learn what the skeleton does next from the held consensus."""

    def __init__(
        self,
        *,
        net: PriorNet,
        units: Units,
        target: TargetMaker,
        mask: MaskSettings,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.net, self.units, self.target, self.mask = net, units, target, mask
        self.optimiser, self.schedule, self.seed = optimiser, schedule, seed

    def prepare(self, batches: Iterable[Clip]) -> None:
        """Fit the network's units to training clips, before the first step."""
        fit_units(self.units, batches)

    def training_step(self, batch: Clip, batch_index: int) -> Tensor:
        """Guess every joint of every frame."""
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
        guess = self._guess(lesson.evidence)
        target = lesson.target
        total = guess_loss(guess.points, guess.precision, target=target.points, reliable=target.reliable)
        distance = (guess.points - target.points).square().sum(-1).sqrt()
        error_mm = 1e3 * self.units.unit_m * masked_mean(distance, target.reliable)
        self.log_dict(
            {f"{stage}/loss": total, f"{stage}/error_mm": error_mm},
            batch_size=guess.points.shape[0],
            prog_bar=True,
            sync_dist=stage == "val",
        )
        return total

    def _guess(self, evidence: Evidence) -> PseudoMeasurement:
        clips, _, joints, _ = evidence.points.shape
        device = evidence.points.device
        held, _ = hold(evidence, nothing_held(batch=clips, joints=joints, device=device))
        own = variance_of(evidence.covariance)
        body, _ = follow_body(held.points, self.units.skeleton, no_body(batch=clips, device=device))
        return self.net(
            held.points,
            variance=torch.where(evidence.solved, own, 1e-3 + _HIDDEN_VARIANCE_PER_S * held.age_s),
            motion=held.points - held.before,
            age_s=held.age_s,
            drift=body.origin - shifted(body.origin, body.origin[:, 0]),
            body=body,
            mean_pose=self.units.mean_pose,
            hidden=self.net.start(batch=clips),
        )
