"""Lightning callbacks: randomness per step, a guard against non-finite losses, the best checkpoint."""

import logging
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor, nn

from mvmono3d.data.counters import STEP, number
from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.errors import MVMono3DError
from mvmono3d.training.provenance import provenance

_LOG = logging.getLogger(__name__)


class NonFiniteLossError(MVMono3DError):
    """Loss or gradients were not finite for too many steps in a row."""


class StepSeeds(Callback):
    """Seed torch before each training step from the step's place: a resumed run draws the same numbers."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed torch's global generators, the ones that dropout draws from."""
        torch.manual_seed(number(self._seed, STEP, batches_done(trainer), trainer.global_rank))


class FiniteSteps(Callback):
    """Skip steps whose loss or gradients are not finite; stop after too many in a row."""

    def __init__(self, *, skip_at_most: int) -> None:
        self._skip_at_most = skip_at_most
        self._in_a_row = 0
        self._loss_is_finite = True

    def on_before_backward(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, loss: Tensor
    ) -> None:
        """Look at the loss."""
        self._loss_is_finite = bool(torch.isfinite(loss).all())

    def on_before_optimizer_step(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Drop the gradients of a bad step: an optimiser leaves parameters without gradient alone."""
        if self._loss_is_finite and _gradients_are_finite(pl_module):
            self._in_a_row = 0
            return
        self._in_a_row += 1
        for parameter in pl_module.parameters():
            parameter.grad = None
        what = "gradients are" if self._loss_is_finite else "loss is"
        message = f"{what} not finite at step {trainer.global_step}, {_name_of_batch(trainer)}"
        if self._in_a_row > self._skip_at_most:
            raise NonFiniteLossError(
                f"{message}: {self._in_a_row} steps in a row. The last checkpoint is clean; "
                "lower optimiser.lr, or look at these clips"
            )
        _LOG.warning("%s: step skipped", message)


class BestCheckpoint(ModelCheckpoint):
    """Keep the best checkpoint, also one that a run made before it was resumed in another folder."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score; Lightning forgets it when the folder is another one."""
        super().load_state_dict({**state_dict, "dirpath": self.dirpath})


class Provenance(Callback):
    """Write into each checkpoint what it was made from: plain values, without anything that could run."""

    def __init__(self, *, experiment: str, seed: int) -> None:
        self._experiment, self._seed = experiment, seed
        self._values: dict[str, Any] = {}

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Find the values out, and tell the loggers."""
        data: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        self._values = provenance(
            data.splits, data.source.skeleton, experiment=self._experiment, seed=self._seed
        )
        for logger in trainer.loggers:
            logger.log_hyperparams({"made_from": self._values})

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the values under the key `mvmono3d`."""
        checkpoint["mvmono3d"] = self._values


def batches_done(trainer: lightning.Trainer) -> int:
    """Return how many batches this run has trained on, over all epochs and resumes."""
    return int(trainer.fit_loop.epoch_loop.batch_progress.state_dict()["total"]["processed"])


def _gradients_are_finite(module: nn.Module) -> bool:
    norms = [
        parameter.grad.detach().norm() for parameter in module.parameters() if parameter.grad is not None
    ]
    return not norms or bool(torch.isfinite(torch.stack(norms)).all())


def _name_of_batch(trainer: lightning.Trainer) -> str:
    data = getattr(trainer, "datamodule", None)
    place = f"epoch {trainer.current_epoch}, batch {trainer.fit_loop.epoch_loop.batch_idx}"
    if not isinstance(data, ClipDataModule):
        return place
    clips = ", ".join(str(sample) for _, sample in data.training_batch(batches_done(trainer)))
    return f"{place} (training clips {clips})"
