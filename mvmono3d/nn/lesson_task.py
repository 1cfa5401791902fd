"""What every training task does around its own loss, written once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from lightning import LightningModule
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.lesson import Lesson, fit_units, make_lesson
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.schedule import scheduled
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units

_VALIDATION = 1 << 40
"""Validation masks are counted from here: no training step uses them, and every epoch has the same."""
CALIBRATION = 1 << 41
"""Masks for what is fitted after training are counted from here."""


class LessonTask(LightningModule, ABC):
    """Turn batches of clips into lessons, log what `judge` says of them, build the optimiser."""

    def __init__(
        self,
        *,
        target: TargetMaker,
        mask: MaskSettings,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.target, self.mask, self.seed = target, mask, seed
        self.optimiser, self.schedule = optimiser, schedule

    @property
    @abstractmethod
    def units(self) -> Units:
        """The units of the network that is trained."""

    @abstractmethod
    def judge(self, lesson: Lesson, batch: Clip) -> dict[str, Tensor]:
        """Return what a lesson was worth by name; "loss" is what training lowers."""

    def prepare(self, batches: Iterable[Clip]) -> None:
        """Fit the network's units to training clips, before the first step."""
        fit_units(self.units, batches)

    def training_step(self, batch: Clip, batch_index: int) -> Tensor:
        """Learn from one batch."""
        return self._take(batch, counter=self.global_step, stage="train")

    def validation_step(self, batch: Clip, batch_index: int) -> None:
        """Judge one batch under masks that are the same in every epoch."""
        self._take(batch, counter=_VALIDATION + batch_index, stage="val")

    def configure_optimizers(self) -> Any:
        """Build the optimiser with its schedule over the whole run."""
        return scheduled(self, self.optimiser, self.schedule)

    def lesson(self, batch: Clip, *, counter: int) -> Lesson:
        """Return the lesson that a batch becomes at this place of the run."""
        return make_lesson(
            batch, units=self.units, target=self.target, mask=self.mask, seed=self.seed, counter=counter
        )

    def _take(self, batch: Clip, *, counter: int, stage: str) -> Tensor:
        found = self.judge(self.lesson(batch, counter=counter), batch)
        for name, value in found.items():
            self.log(
                f"{stage}/{name}",
                value,
                batch_size=batch.observations.pixels.shape[0],
                prog_bar=name in {"loss", "mpjpe_mm"},
                sync_dist=stage == "val",
            )
        return found["loss"]
