"""Learning rates over a run."""

import math

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
