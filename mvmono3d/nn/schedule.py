"""Learning rates over a run."""

import math
from collections.abc import Callable
from typing import Any

from lightning import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(
    optimiser: Optimizer, *, total_steps: int, warmup_steps: int, least: float = 0.02
) -> LambdaLR:
    """Rise linearly, then fall along a half cosine to `least` of the top (Loshchilov & Hutter, 2017)."""
    warmup_steps = min(warmup_steps, max(total_steps // 4, 1))

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / warmup_steps)
        progress = min(1.0, step / max(total_steps, 1))
        return rise * (least + (1.0 - least) * 0.5 * (1.0 + math.cos(math.pi * progress)))

    return LambdaLR(optimiser, factor)


def scheduled(
    task: LightningModule, optimiser: Callable[..., Any], schedule: Callable[..., Any]
) -> dict[str, Any]:
    """Return for `configure_optimizers` the optimiser and its rate, which follows a schedule of all steps."""
    built = optimiser(task.parameters())
    total = int(task.trainer.estimated_stepping_batches)
    rate = {"scheduler": schedule(built, total_steps=total), "interval": "step"}
    return {"optimizer": built, "lr_scheduler": rate}
