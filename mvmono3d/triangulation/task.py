"""Train the view weights alone: features in, weights out, likelihood of the target through the solve."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.nn.held_features import HeldFeatures
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import LessonTask
from mvmono3d.nn.likelihood import masked_mean
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units
from mvmono3d.triangulation.loss import left_out_loss, point_loss
from mvmono3d.triangulation.net import ViewWeights


class TriangulationTask(LessonTask):
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
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.net, self.own_units = net, units
        self.features = HeldFeatures(skeleton=units.skeleton)
        self.left_out_weight = left_out_weight

    @property
    def units(self) -> Units:
        """Those that this part is trained in."""
        return self.own_units

    def judge(self, lesson: Lesson, batch: Clip) -> dict[str, Tensor]:
        """Triangulate every joint of a clip with learned weights."""
        seen = self.features.of_recording(lesson.evidence, unit_m=self.units.unit_m)
        frames, target = lesson.evidence.frames, lesson.target
        log_sigma = torch.zeros_like(frames.confidence)
        weights = self.net(
            seen.features,
            logits=log_sigma[..., None].expand(*log_sigma.shape, len(OcclusionState)),
            log_sigma=log_sigma,
            rig_variance=seen.rig_variance,
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
        return {"loss": total, "points": points, "left_out": left_out, "error_mm": error_mm}
