"""One training from start to end: seed, build, fit, evaluate, report."""

import logging
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning
import torch
import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mvmono3d.core.schema import atomic_write
from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.errors import ConfigurationError
from mvmono3d.training.build import Config, Run, build
from mvmono3d.training.calibrate import calibrate_best
from mvmono3d.training.callbacks import BestCheckpoint
from mvmono3d.training.checkpoint import load_weights, read_checkpoint
from mvmono3d.training.evaluate import Outcome, before_training, evaluate
from mvmono3d.training.report import report

_LOG = logging.getLogger(__name__)
_UNITS_BATCHES = 8
"""Training batches that a task may look at before its first step."""
_TERMINATED = 128 + signal.SIGTERM


def run(cfg: Config) -> float | None:
    """Train what the configuration says and return the metric that a sweep optimises."""
    with _without_noise():
        torch.set_num_threads(cfg.threads)
        lightning.seed_everything(cfg.seed, workers=True, verbose=False)
        return fit(build(cfg))


def fit(run: Run) -> float | None:
    """Train, evaluate and report a built run; loggers are closed whatever happens."""
    with _without_noise(), _closed_loggers():
        began = time.monotonic()
        _load_weights(run)
        _record(run)
        _prepare(run.task, run.data)
        untrained = before_training(run)
        _train(run)
        calibrate_best(run)
        trained_s = time.monotonic() - began
        objective = _objective(run)
        outcome = evaluate(run, untrained=untrained) if run.evaluate else Outcome()
        if run.trainer.is_global_zero:
            report(run, outcome, trained_s=trained_s)
        return objective


def _train(run: Run) -> None:
    try:
        run.trainer.fit(run.task, datamodule=run.data, ckpt_path=run.ckpt_path, weights_only=True)
    except MisconfigurationException as error:
        raise ConfigurationError(" ".join(str(error).split())) from None
    except SIGTERMException:
        # A scheduler took the machine: last.ckpt is written, and 0 would mean that the run is complete.
        raise SystemExit(_TERMINATED) from None


def _load_weights(run: Run) -> None:
    """Take weights over, and refuse a damaged checkpoint before any data is touched."""
    if run.ckpt_path is not None:
        read_checkpoint(run.ckpt_path)
    if run.weights is not None:
        load_weights(run.task, run.weights)


def _prepare(task: lightning.LightningModule, data: lightning.LightningDataModule) -> None:
    """Let a task that wants to see training clips before its first step see some of them."""
    prepare = getattr(task, "prepare", None)
    if prepare is not None and isinstance(data, ClipDataModule):
        prepare(data.first_batches(_UNITS_BATCHES))


def _record(run: Run) -> None:
    """Make the data and write the configuration down; other processes start when this one is done."""
    if not run.trainer.is_global_zero:
        return
    run.data.prepare_data()
    with atomic_write(run.folder / "config.yaml") as file:
        file.write(yaml.safe_dump(dict(run.config), sort_keys=False).encode())
    for logger in run.trainer.loggers:
        logger.log_hyperparams({"config": dict(run.config)})


def _objective(run: Run) -> float | None:
    if run.objective is None:
        return None
    for each in run.trainer.checkpoint_callbacks:
        # The best, as it is the best that is kept; a run resumed near its end may validate no more.
        if (
            isinstance(each, BestCheckpoint)
            and each.monitor == run.objective
            and each.best_model_score is not None
        ):
            return float(each.best_model_score)
    metrics = run.trainer.callback_metrics
    if run.objective not in metrics:
        known = ", ".join(sorted(metrics)) or "nothing"
        _LOG.warning("no %s to return: this run was never validated; it logged %s", run.objective, known)
        return None
    return float(metrics[run.objective])


@contextmanager
def _closed_loggers() -> Iterator[None]:
    """Finish a W&B run in any case: the next job of a sweep would log into it, a crash would look done."""
    failed = True
    try:
        yield
        failed = False
    finally:
        wandb: Any = sys.modules.get("wandb")
        if wandb is not None and wandb.run is not None:
            wandb.finish(exit_code=int(failed))


@contextmanager
def _without_noise() -> Iterator[None]:
    """Hide what libraries say that a user can do nothing about."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        # Hydra's handler prints what the library's own one would print a second time.
        logger.handlers.clear()
        logger.propagate = True
    with warnings.catch_warnings():
        for message in (
            # Our batches are made in the main process on purpose: they are memory-mapped, not decoded.
            r"The '\w+_dataloader' does not have many workers",
            # CounterBatches goes on where the run stood; Lightning looks for another interface.
            r"You're resuming from a checkpoint that ended before the epoch ended",
            r".*isinstance\(treespec, LeafSpec\)",
            r"Checkpoint directory .* exists and is not empty",
            # BestCheckpoint keeps its score in another folder; last.ckpt has none.
            r"The dirpath has changed from",
            r"Starting from v1\.9\.0, `tensorboardX`",
        ):
            warnings.filterwarnings("ignore", message)
        yield
