"""Lessons: clips with some measurements hidden, and what they should have been."""

from collections.abc import Iterable
from typing import NamedTuple

from jaxtyping import Bool
from torch import Generator, Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.evidence import Evidence, gather_evidence_in_bulk, normalise
from mvmono3d.nn.masking import MaskSettings, hide
from mvmono3d.nn.recording_noise import bring_to_noise, misjudge
from mvmono3d.nn.target import Target, TargetMaker
from mvmono3d.nn.units import Units

_MISJUDGED = 0.15
"""Standard deviation of the logarithm of measured over true noise: a recording may be short."""


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
    generator = Generator().manual_seed(seed * 1_000_003 + counter)
    frames = bring_to_noise(frames_of_clip(batch), units.noise_px)
    frames = misjudge(frames, sigma=_MISJUDGED, generator=generator)
    whole = gather_evidence_in_bulk(normalise(frames, unit_m=units.unit_m, noise_px=units.noise_px))
    made = target(batch, whole, units)
    hidden = normalise(hide(frames, mask, generator), unit_m=units.unit_m, noise_px=units.noise_px)
    withheld = whole.inlier & whole.confident[..., None, :] & ~hidden.detected
    return Lesson(gather_evidence_in_bulk(hidden), made, whole, withheld)
