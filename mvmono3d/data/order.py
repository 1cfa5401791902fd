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


def batches_in_order(
    samples: int, *, batch_size: int, rank: int = 0, shares: int = 1
) -> list[list[tuple[int, int]]]:
    """Return batches of (0, sample) of one process's share, in their own order: for evaluation."""
    own = np.resize(np.arange(samples), -(-samples // shares) * shares)[rank::shares]
    places = [(0, int(sample)) for sample in own]
    return [places[at : at + batch_size] for at in range(0, len(places), batch_size)]


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


@dataclass(frozen=True, kw_only=True)
class MixedBatches:
    """Batches of (pass, sample) that hold a fixed number of labelled clips each.

    Labelled and other clips are two packs of cards, dealt out again and again: every card once a pass, in
    an order of its own. The few labelled ones come by often, each time in another pass. An epoch has as
    many batches as one of `CounterBatches`, so that runs with few and with all labels have equal lengths.
    """

    labelled: Int[Array, " labelled"]
    unlabelled: Int[Array, " unlabelled"]
    labelled_per_batch: int
    batch_size: int
    seed: int
    batches_done: Callable[[], int]
    per_epoch: Callable[[], int]
    rank: int = 0
    shares: int = 1

    def __len__(self) -> int:
        return -(-(len(self.labelled) + len(self.unlabelled)) // (self.shares * self.batch_size))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        done = self.batches_done()
        for number in range(done, done + len(self) - done % self.per_epoch()):
            yield [
                *self._deal(self.labelled, 1, number=number, count=self.labelled_per_batch),
                *self._deal(
                    self.unlabelled, 2, number=number, count=self.batch_size - self.labelled_per_batch
                ),
            ]

    def _deal(
        self, pack: Int[Array, " sample"], name: int, *, number: int, count: int
    ) -> Iterator[tuple[int, int]]:
        """Deal this process's cards of a batch; `number` counts the batches of the whole run."""
        start = (number * self.shares + self.rank) * count
        orders: dict[int, np.ndarray] = {}
        for card in range(start, start + count):
            turn, place = divmod(card, len(pack))
            if turn not in orders:
                orders[turn] = generator(self.seed, ORDER, turn, name).permutation(pack)
            yield turn, int(orders[turn][place])
