"""Train the skeleton prior alone: guess hidden joints from the others and the past."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.geometry.kinematics import body_frame
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.hold import hold, previous
from mvmono3d.nn.likelihood import masked_mean
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.training_steps import fit_units, make_lesson, optimisation, validation_counter
from mvmono3d.nn.units import Units
from mvmono3d.prior.loss import guess_loss
from mvmono3d.prior.net import BodyPose, PriorNet

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
        guess, precision = self._guess(lesson.evidence)
        target = lesson.target
        total = guess_loss(guess, precision, target=target.points, reliable=target.reliable)
        distance = (guess - target.points).square().sum(-1).sqrt()
        error_mm = 1e3 * self.units.unit_m * masked_mean(distance, target.reliable)
        self.log_dict(
            {f"{stage}/loss": total, f"{stage}/error_mm": error_mm},
            batch_size=guess.shape[0],
            prog_bar=True,
            sync_dist=stage == "val",
        )
        return total

    def _guess(self, evidence: Evidence) -> tuple[Tensor, Tensor]:
        held = hold(evidence)
        own = evidence.covariance.diagonal(dim1=-2, dim2=-1).sum(-1) / 3.0
        variance = torch.where(evidence.solved, own, 1e-3 + _HIDDEN_VARIANCE_PER_S * held.age_s)
        frame = body_frame(held.points, self.units.skeleton)
        hidden = held.points.new_zeros(held.points.shape[0], self.net.width)
        motion = held.points - previous(held.points)
        drift = frame.origin_world - previous(frame.origin_world)
        guesses, precisions = [], []
        for time in range(held.points.shape[1]):
            guess = self.net(
                held.points[:, time],
                variance=variance[:, time],
                motion=motion[:, time],
                age_s=held.age_s[:, time],
                drift=drift[:, time],
                body=BodyPose(frame.origin_world[:, time], frame.world_from_body[:, time]),
                mean_pose=self.units.mean_pose,
                hidden=hidden,
            )
            hidden = guess.hidden
            guesses.append(guess.points)
            precisions.append(guess.precision)
        return torch.stack(guesses, dim=1), torch.stack(precisions, dim=1)
