"""Train the whole reconstructor."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.geometry.solve import squared_length3
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.evidence import gather_evidence_in_bulk, normalise
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import LessonTask
from mvmono3d.nn.linearise import well_conditioned
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.recording_noise import bring_to_noise
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units
from mvmono3d.pipeline.answer import Answer, Trace
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
        calibrated: bool,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.reconstructor, self.loss = reconstructor, loss
        self.calibrated = calibrated
        """Whether covariances are corrected on labelled validation clips after training."""

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

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Clip]) -> None:
        """Fit the calibrator to labelled clips that were not trained on, nothing hidden from them."""
        self.eval()
        found = [self._misses(batch, batch.truth) for batch in batches if batch.truth is not None]
        if found:
            inputs, squared = (torch.cat(column) for column in zip(*found, strict=True))
            with torch.enable_grad():
                self.reconstructor.calibrator.fit(inputs, squared)

    def _misses(self, batch: Clip, truth: Trajectory) -> tuple[Tensor, Tensor]:
        """Return what the calibrator knows of each answer, and how far off it is in its own covariance."""
        answer, trace = self._reconstruct(batch)
        factor = self.reconstructor.calibrator(trace.calibration)[..., None, None]
        miss = (answer.points_world - truth.points_world) / self.units.unit_m
        covariance = answer.covariance_world / (factor * self.units.unit_m.square())
        squared = squared_length3(well_conditioned(covariance), miss)
        answered = (answer.source > 0) & (truth.source > 0)
        return trace.calibration[answered], squared[answered]

    def _reconstruct(self, batch: Clip) -> tuple[Answer, Trace]:
        frames = bring_to_noise(frames_of_clip(batch), self.units.noise_px)
        evidence = gather_evidence_in_bulk(
            normalise(frames, unit_m=self.units.unit_m, noise_px=self.units.noise_px)
        )
        answer, trace, _ = self.reconstructor(evidence, self._start(batch))
        return answer, trace

    def _error_mm(self, batch: Clip, truth: Trajectory) -> Tensor:
        answer, _ = self._reconstruct(batch)
        distance = (answer.points_world - truth.points_world).square().sum(-1).sqrt()
        answered = answer.source > 0
        return 1e3 * torch.where(answered, distance, 0.0).sum() / answered.sum().clamp(min=1)

    def _start(self, batch: Clip) -> Any:
        clips, _, views = batch.observations.pixels.shape[:3]
        return self.reconstructor.start(batch=clips, views=views)
