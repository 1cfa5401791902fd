"""The Lightning data module: batches are clips of stacked torch tensors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mvmono3d.core.clip import Clip
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.counters import AUGMENTATION, generator
from mvmono3d.data.order import CounterBatches
from mvmono3d.data.splits import Splits
from mvmono3d.data.store import ClipStore
from mvmono3d.errors import ConfigurationError

Augment = Callable[[Clip, np.random.Generator], Clip]


@runtime_checkable
class ClipSource(Protocol):
    """Where clips come from. Both methods may be called in any process; `prepare` in one at a time."""

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of every clip."""
        ...

    def prepare(self) -> None:
        """Make or find everything that `open` needs."""
        ...

    def open(self) -> Splits:
        """Open what `prepare` made."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Augmented(Dataset[Clip]):
    """The training clips under an augmentation that (seed, epoch, sample) decides."""

    store: ClipStore
    seed: int
    augment: Augment | None

    def __getitem__(self, place: tuple[int, int]) -> Clip:
        epoch, sample = place
        clip = self.store[sample]
        if self.augment is None:
            return clip
        return self.augment(clip, generator(self.seed, AUGMENTATION, epoch, sample))


class ClipDataModule(lightning.LightningDataModule):
    """Batches of clips for training, validation and test."""

    def __init__(
        self,
        *,
        source: ClipSource,
        batch_size: int,
        seed: int,
        augment: Augment | None = None,
        workers: int = 0,
        limit_clips: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ConfigurationError(f"data.batch_size is {batch_size}; expected 1 or more")
        self.source = source
        self._batch_size = batch_size
        self._seed = seed
        self._augment = augment
        self._workers = workers
        self._limit = limit_clips
        self._splits: Splits | None = None

    @property
    def splits(self) -> Splits:
        """The clips by split, made on first use."""
        if self._splits is None:
            self._splits = self.source.open()
        return self._splits

    def prepare_data(self) -> None:
        """Make what is missing; Lightning calls this in one process."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Open the clips in every process."""
        _ = self.splits

    def train_dataloader(self) -> DataLoader[Clip]:
        """Return the loader that goes on where the run stands."""
        dataset = _Augmented(store=self.splits.train, seed=self._seed, augment=self._augment)
        return DataLoader(dataset, batch_sampler=self._batches(self._batches_done), **self._loading())

    def first_batches(self, count: int) -> Iterator[Clip]:
        """Yield training batches in their stored order, without augmentation."""
        store = self.splits.train
        for start in range(0, min(len(store), count * self._batch_size), self._batch_size):
            stop = min(len(store), start + self._batch_size)
            yield collate([store[sample] for sample in range(start, stop)])

    def training_batch(self, done: int) -> list[tuple[int, int]]:
        """Return (epoch, clip) of this process's batch that follows `done` others."""
        return next(iter(self._batches(lambda: done)))

    def val_dataloader(self) -> DataLoader[Clip]:
        """Return the validation clips in their own order."""
        return self._evaluation_loader(self.splits.val)

    def test_dataloader(self) -> DataLoader[Clip]:
        """Return the test clips in their own order."""
        return self._evaluation_loader(self.splits.test)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must agree on."""
        return self._identity()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to resume on other data: the run could not continue where it stood."""
        for key, value in self._identity().items():
            if state_dict.get(key) != value:
                raise ConfigurationError(
                    f"the checkpoint was trained with {key} {state_dict.get(key)!r}, this run has {value!r}; "
                    "resume with the same data settings, or start a new run from it with task weights only"
                )

    def _identity(self) -> dict[str, Any]:
        return {"data": self.splits.hash, "seed": self._seed, "batch_size": self._batch_size}

    @property
    def _attached(self) -> lightning.Trainer:
        if self.trainer is None:
            raise ConfigurationError("ClipDataModule has no trainer yet: pass it to Trainer.fit or .test")
        return self.trainer

    def _batches_done(self) -> int:
        # `processed`, not the global step: a skipped or accumulated batch is done as well.
        progress = self._attached.fit_loop.epoch_loop.batch_progress.state_dict()
        return int(progress["total"]["processed"])

    def _batches(self, done: Callable[[], int]) -> CounterBatches:
        clips, limit = len(self.splits.train), self._attached.limit_train_batches
        batches = CounterBatches(
            samples=min(clips, self._limit or clips),
            batch_size=self._batch_size,
            seed=self._seed,
            batches_done=done,
            per_epoch=lambda: _limited(len(batches), limit),
            rank=self._attached.global_rank,
            shares=self._attached.world_size,
        )
        return batches

    def _evaluation_loader(self, store: ClipStore) -> DataLoader[Clip]:
        trainer = self._attached
        rank, shares = trainer.global_rank, trainer.world_size
        own = np.resize(np.arange(len(store)), -(-len(store) // shares) * shares)[rank::shares]
        dataset = _Augmented(store=store, seed=self._seed, augment=None)
        places = [(0, int(sample)) for sample in own]
        batches = [places[at : at + self._batch_size] for at in range(0, len(places), self._batch_size)]
        return DataLoader(dataset, batch_sampler=batches, **self._loading())

    def _loading(self) -> dict[str, Any]:
        return {
            "num_workers": self._workers,
            "collate_fn": collate,
            "persistent_workers": self._workers > 0,
        }


def _limited(batches: int, limit: int | float | None) -> int:
    """Return how many batches of an epoch a trainer with this limit takes."""
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def collate(clips: Sequence[Clip]) -> Clip:
    """Stack numpy clips into one clip of torch tensors, batch first."""
    return Clip.stack(clips).map(torch.from_numpy)
