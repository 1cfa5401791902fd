"""Train the filter's dynamics alone: consensus views in, trajectories out, no skeleton prior."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.geometry.uncertainty import pose_variance_px2
from mvmono3d.imputation.filter import moved_to
from mvmono3d.imputation.imputer import FilterMemory, Imputer, Measurements, motionless
from mvmono3d.imputation.loss import likelihood_loss, position_loss
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.grouping import at_time
from mvmono3d.nn.habits import HABITS
from mvmono3d.nn.hold import Held, hold, nothing_held
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import LessonTask
from mvmono3d.nn.likelihood import masked_mean
from mvmono3d.nn.linearise import linearise, normal_equations
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.quality import fit_quality
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units

_NO_PRIOR = 1e-3
"""A precision so small that only joints without any other information feel it."""


class ImputationTask(LessonTask):
    """Learn how joints move while they are hidden."""

    def __init__(
        self,
        *,
        net: Imputer,
        units: Units,
        target: TargetMaker,
        mask: MaskSettings,
        likelihood_weight: float,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.imputer, self.own_units = net, units
        self.likelihood_weight = likelihood_weight

    @property
    def units(self) -> Units:
        """Those that this part is trained in."""
        return self.own_units

    def judge(self, lesson: Lesson, batch: Clip) -> dict[str, Tensor]:
        """Filter a clip."""
        points, covariance = self._filter(lesson.evidence)
        target, hidden = lesson.target, ~lesson.evidence.confident
        position = position_loss(points, target=target.points, reliable=target.reliable, hidden=hidden)
        likelihood = likelihood_loss(
            points,
            covariance,
            target=target.points,
            target_variance=target.variance,
            reliable=target.reliable,
            hidden=hidden,
            independent=target.independent,
        )
        distance = (points - target.points).square().sum(-1).sqrt()
        error_mm = 1e3 * self.units.unit_m * masked_mean(distance, target.reliable)
        total = position + self.likelihood_weight * likelihood
        return {"loss": total, "position": position, "likelihood": likelihood, "error_mm": error_mm}

    def _filter(self, evidence: Evidence) -> tuple[Tensor, Tensor]:
        clips, _, joints, _ = evidence.points.shape
        nothing = nothing_held(batch=clips, joints=joints, device=evidence.points.device)
        held, _ = hold(evidence, nothing, skeleton=self.units.skeleton)
        start = held.points[:, 0]
        none = torch.zeros_like(start[..., 0])
        memory = FilterMemory(
            motion=motionless(start),
            seen=torch.zeros_like(held.seen[:, 0]),
            bones=self.imputer.bones.start(self.units.bone_length.expand(start.shape[0], -1)),
        )
        points, covariances = [], []
        for time in range(held.points.shape[1]):
            measured = _consensus(at_time(evidence, time), at_time(held, time))
            fused = self.imputer(
                measured,
                memory,
                guess=measured.reference,
                guess_precision=_NO_PRIOR + none,
                habits=none[..., None].expand(-1, -1, HABITS),
                bend_cosines=self.units.bend_cosines,
            )
            motion = moved_to(
                fused.predicted, follow=fused.follow, points=fused.mean, covariance=fused.covariance
            )
            memory = FilterMemory(motion, memory.seen | evidence.solved[:, time], fused.bones)
            points.append(fused.mean)
            covariances.append(fused.stated)
        return torch.stack(points, dim=1), torch.stack(covariances, dim=1)


def _consensus(evidence: Evidence, held: Held) -> Measurements:
    """Trust the views of the robust consensus, each with the detector's own noise."""
    frames, reference = evidence.frames, held.points
    linearised = linearise(frames, reference)
    weights = (evidence.inlier & linearised.usable).to(reference.dtype)
    return Measurements(
        linearised=linearised,
        equations=normal_equations(linearised),
        weights=weights,
        reference=reference,
        pixels_only=reference,
        quality=fit_quality(
            linearised,
            weights,
            step=torch.zeros_like(reference),
            rig_variance=pose_variance_px2(linearised.depth, lens=frames.lens, pose_sigma=frames.pose_sigma),
        ),
        age_s=held.age_s,
        carry=held.carry,
        time_step_s=frames.time_step_s,
    )
