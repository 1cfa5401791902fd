"""Train the skeleton prior alone: guess hidden joints from the others and the past."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.hold import hold, nothing_held
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import LessonTask
from mvmono3d.nn.likelihood import masked_mean
from mvmono3d.nn.linearise import variance_of
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units
from mvmono3d.prior.loss import guess_loss
from mvmono3d.prior.net import PriorNet, PseudoMeasurement

_HIDDEN_VARIANCE_PER_S = 0.1
"""How fast the variance of a held joint grows, in network units."""


class PriorTask(LessonTask):
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
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.net, self.own_units = net, units

    @property
    def units(self) -> Units:
        """Those that this part is trained in."""
        return self.own_units

    def judge(self, lesson: Lesson, batch: Clip) -> dict[str, Tensor]:
        """Guess every joint of every frame."""
        guess = self._guess(lesson.evidence)
        target = lesson.target
        total = guess_loss(guess.points, guess.precision, target=target.points, reliable=target.reliable)
        distance = (guess.points - target.points).square().sum(-1).sqrt()
        error_mm = 1e3 * self.units.unit_m * masked_mean(distance, target.reliable)
        return {"loss": total, "error_mm": error_mm}

    def _guess(self, evidence: Evidence) -> PseudoMeasurement:
        clips, _, joints, _ = evidence.points.shape
        device = evidence.points.device
        nothing = nothing_held(batch=clips, joints=joints, device=device)
        held, _ = hold(evidence, nothing, skeleton=self.units.skeleton)
        own = variance_of(evidence.covariance)
        return self.net(
            held.points,
            variance=torch.where(evidence.solved, own, 1e-3 + _HIDDEN_VARIANCE_PER_S * held.age_s),
            motion=held.points - held.before,
            age_s=held.age_s,
            drift=held.carry.drift,
            body=held.body,
            mean_pose=self.units.mean_pose,
            hidden=self.net.start(batch=clips),
        )
