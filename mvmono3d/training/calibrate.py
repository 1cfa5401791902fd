"""Correct the best checkpoint's covariances after training, on what its task may look at."""

from collections.abc import Iterable

from mvmono3d.core.clip import Clip
from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.pipeline.task import ReconstructorTask
from mvmono3d.training.build import Run
from mvmono3d.training.checkpoint import SafeCheckpoints, load_weights, read_checkpoint
from mvmono3d.training.evaluate import best_checkpoint


def calibrate_best(run: Run) -> None:
    """Fit the calibrator of the best weights, and keep it with them."""
    task, data, best = run.task, run.data, best_checkpoint(run)
    if not isinstance(task, ReconstructorTask) or not isinstance(data, ClipDataModule):
        return
    if task.calibrated_on is None or best is None:
        return
    load_weights(task, best)
    # Users' rigs are off, too, and don't always say so.
    rigs_off = data.val_batches_with_rig_errors() if task.calibrated_on == "validation" else ()
    task.calibrate(_clips(data, on=task.calibrated_on), rigs_off=rigs_off)
    if run.trainer.is_global_zero:
        checkpoint = read_checkpoint(best) | {"state_dict": task.state_dict()}
        SafeCheckpoints().save_checkpoint(checkpoint, best)


def _clips(data: ClipDataModule, *, on: str) -> Iterable[Clip]:
    """Return the clips to calibrate on: a run on few labels has no others than its training clips'."""
    return data.labelled_batches() if on == "labelled" else data.val_dataloader()
