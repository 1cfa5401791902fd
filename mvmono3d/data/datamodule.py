"""The Lightning data module: batches are clips of stacked torch tensors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import lightning
import numpy as np
import torch
from jaxtyping import Int
from torch.utils.data import DataLoader, Dataset

from mvmono3d.core.clip import Clip
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.augment import Augmentation
from mvmono3d.data.counters import AUGMENTATION, generator
from mvmono3d.data.labels import labelled_samples, without_labels
from mvmono3d.data.order import CounterBatches, MixedBatches, batches_in_order
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
    labelled: frozenset[int] | None = None
    """The clips that keep their labels; None: all."""

    def __getitem__(self, place: tuple[int, int]) -> Clip:
        epoch, sample = place
        clip = self.store[sample]
        if self.labelled is not None and sample not in self.labelled:
            clip = without_labels(clip)
        if self.augment is None:
            return clip
        return self.augment(clip, generator(self.seed, AUGMENTATION, epoch, sample))


_ALL_LABELS = {"labelled_share": 1.0, "labelled_batch_share": None}
"""What checkpoints that don't say were trained with."""


class ClipDataModule(lightning.LightningDataModule):
    """Batches of clips for training, validation and test.

    Args:
        source: where the clips come from.
        batch_size: clips of one process's batch.
        seed: decides order and augmentation.
        augment: varies training clips.
        workers: processes that read clips; 0 reads in this one.
        limit_clips: takes only the first training clips.
        labelled_share: share of training clips that keep their labels, at least one clip. Validation
            and test clips keep theirs: a task that must not read them has to leave them alone.
        labelled_batch_share: share of every batch that is drawn from the labelled clips; None takes them
            as they come.
    """

    def __init__(
        self,
        *,
        source: ClipSource,
        batch_size: int,
        seed: int,
        augment: Augment | None = None,
        workers: int = 0,
        limit_clips: int | None = None,
        labelled_share: float = 1.0,
        labelled_batch_share: float | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ConfigurationError(f"data.batch_size is {batch_size}; expected 1 or more")
        _check_share("labelled_share", labelled_share)
        _check_share("labelled_batch_share", labelled_batch_share)
        self.source = source
        self._batch_size = batch_size
        self._seed = seed
        self._augment = augment
        self._workers = workers
        self._limit = limit_clips
        self._labelled_share = labelled_share
        self._labelled_batch_share = labelled_batch_share
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
        dataset = self._train_clips(self._augment)
        return DataLoader(dataset, batch_sampler=self._batches(self._batches_done), **self._loading())

    def first_batches(self, count: int) -> Iterator[Clip]:
        """Yield training batches in their stored order, without augmentation."""
        clips = len(self.splits.train)
        return self._plain_batches(range(min(clips, count * self._batch_size)))

    def labelled_batches(self) -> Iterator[Clip]:
        """Yield the training clips that keep their labels, in their stored order, without augmentation."""
        labelled = self._labelled()
        return self._plain_batches(range(len(self.splits.train)) if labelled is None else labelled.tolist())

    def _plain_batches(self, samples: Sequence[int]) -> Iterator[Clip]:
        clips = self._train_clips(None)
        for start in range(0, len(samples), self._batch_size):
            yield collate([clips[0, sample] for sample in samples[start : start + self._batch_size]])

    def _train_clips(self, augment: Augment | None) -> _Augmented:
        labelled = self._labelled()
        return _Augmented(
            store=self.splits.train,
            seed=self._seed,
            augment=augment,
            labelled=None if labelled is None else frozenset(labelled.tolist()),
        )

    def _labelled(self) -> Int[np.ndarray, " labelled"] | None:
        """Return the clips that keep their labels where not all do."""
        if self._labelled_share == 1.0:
            return None
        if "truth.source" not in self.splits.train.arrays:
            raise ConfigurationError(
                f"data.labelled_share is {self._labelled_share}, but the training clips have no labels "
                "at all: leave it at 1"
            )
        clips = len(self.splits.train)
        return labelled_samples(min(clips, self._limit or clips), share=self._labelled_share)

    def training_batch(self, done: int) -> list[tuple[int, int]]:
        """Return (epoch or pass, clip) of this process's batch that follows `done` others."""
        return next(iter(self._batches(lambda: done)))

    def val_dataloader(self) -> DataLoader[Clip]:
        """Return the validation clips in their own order."""
        return self._evaluation_loader(self.splits.val)

    def val_batches_with_rig_errors(self) -> Iterator[Clip]:
        """Yield the validation clips with training's largest calibration errors; none where it has none."""
        if not isinstance(self._augment, Augmentation) or not self._augment.rig_error_share:
            return
        off = replace(self._evaluated(self.splits.val), augment=self._augment.with_rig_error)
        for places in self._own_places(self.splits.val):
            yield collate([off[place] for place in places])

    def test_dataloader(self) -> DataLoader[Clip]:
        """Return the test clips in their own order."""
        return self._evaluation_loader(self.splits.test)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must agree on."""
        return self._identity()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to resume on other data: the run could not continue where it stood."""
        for key, value in self._identity().items():
            found = state_dict.get(key, _ALL_LABELS.get(key))
            if found != value:
                raise ConfigurationError(
                    f"the checkpoint was trained with {key} {found!r}, this run has {value!r}; "
                    "resume with the same data settings, or start a new run from it with task weights only"
                )

    def _identity(self) -> dict[str, Any]:
        return {
            "data": self.splits.hash,
            "seed": self._seed,
            "batch_size": self._batch_size,
            "labelled_share": self._labelled_share,
            "labelled_batch_share": self._labelled_batch_share,
        }

    @property
    def _attached(self) -> lightning.Trainer:
        if self.trainer is None:
            raise ConfigurationError("ClipDataModule has no trainer yet: pass it to Trainer.fit or .test")
        return self.trainer

    def _batches_done(self) -> int:
        # `processed`, not the global step: a skipped or accumulated batch is done as well.
        progress = self._attached.fit_loop.epoch_loop.batch_progress.state_dict()
        return int(progress["total"]["processed"])

    def _batches(self, done: Callable[[], int]) -> CounterBatches | MixedBatches:
        clips, limit = len(self.splits.train), self._attached.limit_train_batches
        samples, labelled = min(clips, self._limit or clips), self._labelled()
        place = {
            "batch_size": self._batch_size,
            "seed": self._seed,
            "batches_done": done,
            "per_epoch": lambda: _limited(len(batches), limit),
            "rank": self._attached.global_rank,
            "shares": self._attached.world_size,
        }
        if labelled is None or self._labelled_batch_share is None:
            batches = CounterBatches(samples=samples, **place)
        else:
            unlabelled = np.setdiff1d(np.arange(samples), labelled)
            count = max(1, round(self._labelled_batch_share * self._batch_size))
            batches = MixedBatches(
                labelled=labelled,
                unlabelled=unlabelled,
                labelled_per_batch=count if len(unlabelled) else self._batch_size,
                **place,
            )
        return batches

    def _evaluation_loader(self, store: ClipStore) -> DataLoader[Clip]:
        return DataLoader(self._evaluated(store), batch_sampler=self._own_places(store), **self._loading())

    def _evaluated(self, store: ClipStore) -> _Augmented:
        return _Augmented(store=store, seed=self._seed, augment=None)

    def _own_places(self, store: ClipStore) -> list[list[tuple[int, int]]]:
        """Return this process's share of the clips, in batches."""
        return batches_in_order(
            len(store),
            batch_size=self._batch_size,
            rank=self._attached.global_rank,
            shares=self._attached.world_size,
        )

    def _loading(self) -> dict[str, Any]:
        return {
            "num_workers": self._workers,
            "collate_fn": collate,
            "persistent_workers": self._workers > 0,
        }


def _check_share(name: str, share: float | None) -> None:
    if share is not None and not 0 < share <= 1:
        raise ConfigurationError(f"data.{name} is {share}; expected more than 0 and at most 1")


def _limited(batches: int, limit: int | float | None) -> int:
    """Return how many batches of an epoch a trainer with this limit takes."""
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def collate(clips: Sequence[Clip]) -> Clip:
    """Stack numpy clips into one clip of torch tensors, batch first."""
    return Clip.stack(clips).map(torch.from_numpy)
