"""Train the whole reconstructor."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import LessonTask
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units
from mvmono3d.pipeline.loss import ReconstructorLoss
from mvmono3d.pipeline.reconstructor import Reconstructor


class ReconstructorTask(LessonTask):
    """Train all parts end to end; `target` decides whether with labels or without."""

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
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.reconstructor, self.loss = reconstructor, loss

    @property
    def units(self) -> Units:
        """The reconstructor's own."""
        return self.reconstructor.units

    def judge(self, lesson: Lesson, batch: Clip) -> dict[str, Tensor]:
        """Reconstruct the lesson; in validation, measure the error of the whole clip where truth is."""
        _, trace, _ = self.reconstructor(lesson.evidence, self._start(batch))
        total, terms = self.loss(trace, lesson, self.reconstructor)
        found = {"loss": total, **terms}
        if not self.training and batch.truth is not None:
            found["mpjpe_mm"] = self._error_mm(batch, batch.truth)
        return found

    def _error_mm(self, batch: Clip, truth: Trajectory) -> Tensor:
        evidence = self.reconstructor.gather(frames_of_clip(batch))
        answer, _, _ = self.reconstructor(evidence, self._start(batch))
        distance = (answer.points_world - truth.points_world).square().sum(-1).sqrt()
        answered = answer.source > 0
        return 1e3 * torch.where(answered, distance, 0.0).sum() / answered.sum().clamp(min=1)

    def _start(self, batch: Clip) -> Any:
        clips, _, views = batch.observations.pixels.shape[:3]
        return self.reconstructor.start(batch=clips, views=views)
