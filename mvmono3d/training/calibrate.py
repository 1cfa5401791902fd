"""Correct the best checkpoint's covariances after training, where its task reads labels."""

from mvmono3d.pipeline.task import ReconstructorTask
from mvmono3d.training.build import Run
from mvmono3d.training.checkpoint import SafeCheckpoints, load_weights, read_checkpoint
from mvmono3d.training.evaluate import best_checkpoint


def calibrate_best(run: Run) -> None:
    """Fit the calibrator of the best weights to the validation clips, and keep it with them."""
    task, best = run.task, best_checkpoint(run)
    if not isinstance(task, ReconstructorTask) or not task.calibrated or best is None:
        return
    load_weights(task, best)
    task.calibrate(run.data.val_dataloader())
    if run.trainer.is_global_zero:
        checkpoint = read_checkpoint(best) | {"state_dict": task.state_dict()}
        SafeCheckpoints().save_checkpoint(checkpoint, best)
