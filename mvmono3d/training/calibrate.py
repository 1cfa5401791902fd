"""Correct the best checkpoint's covariances after training, on what its task may look at."""

from collections.abc import Iterable
from itertools import chain

from mvmono3d.core.clip import Clip
from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.pipeline.task import ReconstructorTask
from mvmono3d.training.build import Run
from mvmono3d.training.checkpoint import SafeCheckpoints, load_weights, read_checkpoint
from mvmono3d.training.evaluate import best_checkpoint


def calibrate_best(run: Run) -> None:
    """Fit the calibrator of the best weights, and keep it with them."""
    task, best = run.task, best_checkpoint(run)
    if not isinstance(task, ReconstructorTask) or task.calibrated_on is None or best is None:
        return
    load_weights(task, best)
    task.calibrate(_clips(run.data, on=task.calibrated_on))
    if run.trainer.is_global_zero:
        checkpoint = read_checkpoint(best) | {"state_dict": task.state_dict()}
        SafeCheckpoints().save_checkpoint(checkpoint, best)


def _clips(data: ClipDataModule, *, on: str) -> Iterable[Clip]:
    """Return the clips to calibrate on: a run on few labels has no others than its training clips'."""
    if on == "labelled":
        return data.labelled_batches()
    if on == "withheld":
        return data.val_dataloader()
    # Users' rigs are off, too, and don't always say so.
    return chain(data.val_dataloader(), data.val_batches_with_rig_errors())
