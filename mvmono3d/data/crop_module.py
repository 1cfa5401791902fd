"""The Lightning data module of crops: what the 2D joint network is trained and judged on."""

from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader

from mvmono3d.data.crop_cut import CropJitter, CropSource, CropSplits, CutCrops
from mvmono3d.data.crops import Crops, CropSet
from mvmono3d.data.order import CounterBatches, batches_in_order
from mvmono3d.errors import ConfigurationError


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
            CutCrops(store=store, size=self._size, jitter=self._jitter, seed=seed),
            batch_sampler=batches,
            collate_fn=stack_crops,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
        )


def stack_crops(crops: list[Crops]) -> Crops:
    """Stack numpy crops into one batch of torch tensors."""
    return Crops.stack(crops).map(torch.from_numpy)
