"""Which samples make up which batch: computed from the seed and the place, never remembered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mvmono3d.core.array import Array
from mvmono3d.data.counters import ORDER, generator


def epoch_order(samples: int, *, seed: int, epoch: int, shares: int = 1) -> Int[Array, " sample"]:
    """Return the order of an epoch, every sample once; repeated a little until it divides by `shares`."""
    order = generator(seed, ORDER, epoch).permutation(samples)
    return np.resize(order, -(-samples // shares) * shares)


@dataclass(frozen=True, kw_only=True)
class CounterBatches:
    """Batches of (epoch, sample) for one process of a training run.

    Iterating yields what is left of the epoch that `batches_done` stands in: all of it as a rule, the
    rest after a resume.
    """

    samples: int
    batch_size: int
    seed: int
    batches_done: Callable[[], int]
    """How many batches the run has trained on, over all epochs."""
    per_epoch: Callable[[], int]
    """How many batches an epoch trains on: fewer than there are where the trainer limits them."""
    rank: int = 0
    shares: int = 1
    """Number of processes that share an epoch."""

    def __len__(self) -> int:
        return -(-self.samples // (self.shares * self.batch_size))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, first = divmod(self.batches_done(), self.per_epoch())
        order = epoch_order(self.samples, seed=self.seed, epoch=epoch, shares=self.shares)
        own = order[self.rank :: self.shares]
        for start in range(first * self.batch_size, len(own), self.batch_size):
            yield [(epoch, int(sample)) for sample in own[start : start + self.batch_size]]
