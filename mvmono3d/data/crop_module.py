"""The Lightning data module of crops: what the 2D joint network is trained and judged on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

import lightning
import numpy as np
import torch
from jaxtyping import Float
from torch.utils.data import DataLoader, Dataset

from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.counters import AUGMENTATION, generator
from mvmono3d.data.crops import Crops, CropSet, mirrored, warp_crop
from mvmono3d.data.order import CounterBatches, batches_in_order
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.crop import crop_from_image


@dataclass(frozen=True, kw_only=True)
class CropSplits:
    """The three stores of one data set; none shares a subject with another."""

    train: CropSet
    val: CropSet
    test: CropSet

    def __post_init__(self) -> None:
        for (name, store), (other_name, other) in combinations(self.stores(), 2):
            both = set(store.subjects) & set(other.subjects)
            if both:
                raise ConfigurationError(
                    f"crops of {name} and {other_name} share subjects: {', '.join(sorted(both)[:3])}"
                )

    def stores(self) -> Iterator[tuple[str, CropSet]]:
        """Yield the stores with their names."""
        yield from (("train", self.train), ("val", self.val), ("test", self.test))

    @property
    def hash(self) -> str:
        """SHA-256 over all of them."""
        return sha256_of_bytes(*(store.hash.encode() for _, store in self.stores()))


@runtime_checkable
class CropSource(Protocol):
    """Where crops come from."""

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of every crop."""
        ...

    def prepare(self) -> None:
        """Make or find everything that `open` needs."""
        ...

    def open(self) -> CropSplits:
        """Open what `prepare` made."""
        ...


@dataclass(frozen=True, kw_only=True)
class CropJitter:
    """How training crops are cut out of stored ones, which show more than is needed."""

    side: float
    """Side of the window that validation and test crops take, as a share of the stored crop's."""
    side_range: float
    """How much larger or smaller a training window may be, as a natural logarithm."""
    shift: float
    """How far its centre may move along either axis, as a share of the stored crop's side."""
    turn_rad: float
    """How far it may be turned either way."""
    mirrored_share: float
    """Share of training crops that are seen in a mirror: a right hand is a left one then."""

    def still(self, stored: int, *, size: int) -> Float[np.ndarray, "2 3"]:
        """Return the similarity from a stored crop to the one of its middle."""
        centre = np.full(2, 0.5 * (stored - 1))
        return crop_from_image(centre, np.asarray(self.side * stored), size=size)

    def draw(self, stored: int, *, size: int, random: np.random.Generator) -> Float[np.ndarray, "2 3"]:
        """Return a similarity from a stored crop to a varied one."""
        side = self.side * math.exp(random.uniform(-self.side_range, self.side_range))
        centre = np.full(2, 0.5 * (stored - 1)) + stored * random.uniform(-self.shift, self.shift, 2)
        turn = np.asarray(random.uniform(-self.turn_rad, self.turn_rad))
        return crop_from_image(centre, np.asarray(side * stored), size=size, turn_rad=turn)


@dataclass(frozen=True, kw_only=True)
class _Cut(Dataset[Crops]):
    """Crops of a store at the network's size; varied where there is a seed."""

    store: CropSet
    size: int
    jitter: CropJitter
    seed: int | None

    def __getitem__(self, place: tuple[int, int]) -> Crops:
        epoch, sample = place
        crop = self.store[sample]
        stored = crop.images.shape[-1]
        if self.seed is None:
            similarity = self.jitter.still(stored, size=self.size)
        else:
            random = generator(self.seed, AUGMENTATION, epoch, sample)
            if random.random() < self.jitter.mirrored_share:
                crop = mirrored(crop, self.store.skeleton.mirror)
            similarity = self.jitter.draw(stored, size=self.size, random=random)
        return warp_crop(crop, similarity, size=self.size)


class CropDataModule(lightning.LightningDataModule):
    """Batches of crops for training, validation and test.

    Args:
        source: where the crops come from.
        size: height and width of a crop for the network [px].
        jitter: how training crops vary in place, size and angle.
        batch_size: crops of one process's batch.
        seed: decides order and variation.
        workers: processes that read crops; 0 reads in this one.
    """

    def __init__(
        self,
        *,
        source: CropSource,
        size: int,
        jitter: CropJitter,
        batch_size: int,
        seed: int,
        workers: int = 0,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ConfigurationError(f"data.batch_size is {batch_size}; expected 1 or more")
        self.source, self._size, self._jitter = source, size, jitter
        self._batch_size, self._seed, self._workers = batch_size, seed, workers
        self._splits: CropSplits | None = None

    @property
    def splits(self) -> CropSplits:
        """The crops by split, made on first use."""
        if self._splits is None:
            self._splits = self.source.open()
        return self._splits

    def prepare_data(self) -> None:
        """Make what is missing; Lightning calls this in one process."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Open the crops in every process."""
        _ = self.splits

    def train_dataloader(self) -> DataLoader[Crops]:
        """Return the loader that goes on where the run stands."""
        trainer = self.trainer
        if trainer is None:
            raise ConfigurationError("CropDataModule has no trainer yet: pass it to Trainer.fit")
        batches = CounterBatches(
            samples=len(self.splits.train),
            batch_size=self._batch_size,
            seed=self._seed,
            batches_done=lambda: int(
                trainer.fit_loop.epoch_loop.batch_progress.state_dict()["total"]["processed"]
            ),
            per_epoch=lambda: min(len(batches), int(trainer.num_training_batches)),
            rank=trainer.global_rank,
            shares=trainer.world_size,
        )
        return self._loader(self.splits.train, batches, seed=self._seed)

    def val_dataloader(self) -> DataLoader[Crops]:
        """Return the validation crops in their own order."""
        return self._in_order(self.splits.val)

    def test_dataloader(self) -> DataLoader[Crops]:
        """Return the test crops in their own order."""
        return self._in_order(self.splits.test)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must agree on."""
        return {"data": self.splits.hash, "seed": self._seed, "batch_size": self._batch_size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to resume on other data: the run could not continue where it stood."""
        for key, value in self.state_dict().items():
            if state_dict.get(key) != value:
                raise ConfigurationError(
                    f"the checkpoint was trained with {key} {state_dict.get(key)!r}, this run has {value!r}; "
                    "resume with the same data settings, or start a new run from it with weights only"
                )

    def _in_order(self, store: CropSet) -> DataLoader[Crops]:
        rank, shares = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        batches = batches_in_order(len(store), batch_size=self._batch_size, rank=rank, shares=shares)
        return self._loader(store, batches, seed=None)

    def _loader(self, store: CropSet, batches: Any, *, seed: int | None) -> DataLoader[Crops]:
        return DataLoader(
            _Cut(store=store, size=self._size, jitter=self._jitter, seed=seed),
            batch_sampler=batches,
            collate_fn=stack_crops,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
        )


def stack_crops(crops: list[Crops]) -> Crops:
    """Stack numpy crops into one batch of torch tensors."""
    return Crops.stack(crops).map(torch.from_numpy)
