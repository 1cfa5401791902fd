"""Train the whole reconstructor."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.errors import unknown_name
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import CALIBRATION, LessonTask
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units
from mvmono3d.pipeline.calibration import (
    Misses,
    PixelMisses,
    misses,
    reconstruct,
    whole_evidence,
    withheld_misses,
)
from mvmono3d.pipeline.loss import ReconstructorLoss
from mvmono3d.pipeline.reconstructor import Reconstructor

CALIBRATED_ON = ("validation", "labelled", "withheld")
"""True joints of validation clips, or of labelled training clips; withheld detections of validation clips."""
_MASKS = 4
"""Times that each clip is masked anew for the calibration on withheld detections."""


class ReconstructorTask(LessonTask):
    """Train all parts end to end; `target` decides whether with labels or without."""

    def __init__(
        self,
        *,
        reconstructor: Reconstructor,
        loss: ReconstructorLoss,
        target: TargetMaker,
        mask: MaskSettings,
        calibrated_on: str | None,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.reconstructor, self.loss = reconstructor, loss
        if calibrated_on not in (*CALIBRATED_ON, None):
            raise unknown_name("choice", str(calibrated_on), CALIBRATED_ON, where="task.calibrated_on")
        self.calibrated_on = calibrated_on
        """What covariances are corrected on after training; None leaves them."""

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
    def calibrate(self, batches: Iterable[Clip], *, rigs_off: Iterable[Clip] = ()) -> None:
        """Fit the calibrator to what `calibrated_on` names; clips that don't have it are passed over.

        `rigs_off` are clips whose rigs are off; masks are left to the others, so that most rigs are good.
        """
        self.eval()
        calibrator, counters = self.reconstructor.calibrator, count(CALIBRATION)
        if self.calibrated_on == "withheld":
            withheld = [self._withheld(batch, next(counters)) for batch in batches for _ in range(_MASKS)]
            if withheld:
                inputs, residual, spread, noise = map(torch.cat, zip(*withheld, strict=True))
                calibrator.fit_to_pixels(inputs, residual=residual, spread=spread, noise=noise)
            return
        found = [each for batch in batches for each in self._misses(batch, next(counters))]
        found += [
            misses(self.reconstructor, whole_evidence(self.reconstructor, batch), batch.truth)
            for batch in rigs_off
            if batch.truth is not None
        ]
        if found:
            inputs, squared = map(torch.cat, zip(*found, strict=True))
            calibrator.fit(inputs, squared)

    def _withheld(self, batch: Clip, counter: int) -> PixelMisses:
        return withheld_misses(self.reconstructor, self.lesson(batch, counter=counter))

    def _misses(self, batch: Clip, counter: int) -> Iterator[Misses]:
        """Miss true joints with nothing hidden, and with masks: long gaps are rare in short clips."""
        if batch.truth is None:
            return
        for evidence in (
            whole_evidence(self.reconstructor, batch),
            self.lesson(batch, counter=counter).evidence,
        ):
            yield misses(self.reconstructor, evidence, batch.truth)

    def _error_mm(self, batch: Clip, truth: Trajectory) -> Tensor:
        answer, _ = reconstruct(self.reconstructor, whole_evidence(self.reconstructor, batch))
        distance = (answer.points_world - truth.points_world).square().sum(-1).sqrt()
        answered = (answer.source > 0) & (truth.source > 0)
        return 1e3 * torch.where(answered, distance, 0.0).sum() / answered.sum().clamp(min=1)

    def _start(self, batch: Clip) -> Any:
        clips, _, views = batch.observations.pixels.shape[:3]
        return self.reconstructor.start(batch=clips, views=views)
