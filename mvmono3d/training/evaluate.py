"""Measure what was trained on clips it never saw, beside the classical methods."""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.evaluation.baselines import baselines
from mvmono3d.evaluation.compare import Comparison, Method, compare
from mvmono3d.pipeline.over_clip import reconstruct_clip
from mvmono3d.pipeline.reconstructor import Reconstructor
from mvmono3d.pipeline.task import ReconstructorTask
from mvmono3d.training.build import Run
from mvmono3d.training.callbacks import BestCheckpoint
from mvmono3d.training.checkpoint import load_weights

_CAUSAL = ("dlt", "robust", "kalman")
"""What we compare with: methods that, as the reconstructor, never look at later frames."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the evaluation found; empty where none was asked for."""

    validation: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    comparison: Comparison | None = None
    """The reconstructor beside the classical methods, on the test clips that have truth."""
    example: tuple[Clip, Reconstruction] | None = None
    """The first of these clips with what the reconstructor makes of it: to look at."""


def before_training(run: Run) -> Reconstructor | None:
    """Keep the network as it is now, to be compared with what training makes of it."""
    task = run.task
    return deepcopy(task.reconstructor) if isinstance(task, ReconstructorTask) else None


def evaluate(run: Run, *, untrained: Reconstructor | None) -> Outcome:
    """Measure the best checkpoint on validation and test clips, with the same steps."""
    best = best_checkpoint(run)
    if best is not None:
        load_weights(run.task, best)
    validation = run.trainer.validate(run.task, dataloaders=run.data.val_dataloader(), verbose=False)
    test = run.trainer.validate(run.task, dataloaders=run.data.test_dataloader(), verbose=False)
    comparison, example = _compare(run, untrained)
    return Outcome(validation=_plain(validation), test=_plain(test), comparison=comparison, example=example)


def best_checkpoint(run: Run) -> Path | None:
    """Return the best checkpoint of the run, or the last where nothing says which is best."""
    kept = [each for each in run.trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
    kept.sort(key=lambda each: not isinstance(each, BestCheckpoint))
    paths = [Path(each.best_model_path) for each in kept if each.best_model_path]
    return next((path for path in paths if path.is_file()), None)


def _compare(
    run: Run, untrained: Reconstructor | None
) -> tuple[Comparison | None, tuple[Clip, Reconstruction] | None]:
    task, data = run.task, run.data
    if not isinstance(task, ReconstructorTask) or not isinstance(data, ClipDataModule):
        return None, None
    if not run.trainer.is_global_zero:
        return None, None
    store = data.splits.test
    clips = [clip for clip in map(store.__getitem__, range(len(store))) if clip.truth is not None]
    if not clips:
        return None, None
    networks = {"learned": task.reconstructor, "before training": untrained}
    learned: dict[str, Method] = {
        name: partial(reconstruct_clip, network.to(torch.device("cpu")))
        for name, network in networks.items()
        if network is not None
    }
    classical = baselines()
    compared = compare(clips, {**learned, **{name: classical[name] for name in _CAUSAL}})
    return compared, (clips[0], learned["learned"](clips[0]))


def _plain(metrics: Any) -> dict[str, float]:
    found = metrics[0] if metrics else {}
    return {name.removeprefix("val/"): float(value) for name, value in found.items()}
