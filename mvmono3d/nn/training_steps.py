"""What every task does around its own loss: units, masks, targets, optimiser."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jaxtyping import Bool
from lightning import LightningModule
from torch import Generator, Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.evidence import Evidence, gather_evidence_in_bulk, normalise
from mvmono3d.nn.masking import MaskSettings, hide
from mvmono3d.nn.target import Target, TargetMaker
from mvmono3d.nn.units import Units


class Lesson(NamedTuple):
    """One batch as a task sees it: evidence with some measurements hidden, and what it should have been."""

    evidence: Evidence
    target: Target
    whole: Evidence
    """The evidence with nothing hidden."""
    withheld: Bool[Tensor, "clip time view joint"]
    """Good measurements that were hidden: what a reconstruction can be tested on without a label."""


def fit_units(units: Units, batches: Iterable[Clip]) -> None:
    """Fit a network's units to training clips, also when its weights come from elsewhere.

    Resuming a run restores the checkpoint's units afterwards.
    """
    units.fit(frames_of_clip(batch) for batch in batches)


def make_lesson(
    batch: Clip, *, units: Units, target: TargetMaker, mask: MaskSettings, seed: int, counter: int
) -> Lesson:
    """Hide measurements; the target is made from all of them.

    Masks depend on the seed and the counter alone, so that a resumed run repeats them.
    """
    frames = frames_of_clip(batch)
    whole = gather_evidence_in_bulk(normalise(frames, unit_m=units.unit_m, noise_px=units.noise_px))
    made = target(batch, whole, units)
    generator = Generator().manual_seed(seed * 1_000_003 + counter)
    hidden = normalise(hide(frames, mask, generator), unit_m=units.unit_m, noise_px=units.noise_px)
    withheld = whole.inlier & whole.confident[..., None, :] & ~hidden.detected
    return Lesson(gather_evidence_in_bulk(hidden), made, whole, withheld)


def validation_counter(batch_index: int) -> int:
    """Return a counter that no training step uses, the same in every epoch."""
    return (1 << 40) + batch_index


def optimisation(
    task: LightningModule, optimiser: Callable[..., Any], schedule: Callable[..., Any]
) -> dict[str, Any]:
    """Build the optimiser of a task with its schedule over the whole run."""
    built = optimiser(task.parameters())
    total = int(task.trainer.estimated_stepping_batches)
    rate = {"scheduler": schedule(built, total_steps=total), "interval": "step"}
    return {"optimizer": built, "lr_scheduler": rate}
