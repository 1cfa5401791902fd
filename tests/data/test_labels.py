"""Few labels: which clips keep them, and how batches are made of both kinds."""

from collections import Counter
from dataclasses import replace

import lightning
import numpy as np
import pytest
import torch

from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.data.labels import labelled_samples, without_labels
from mvmono3d.data.order import MixedBatches
from mvmono3d.data.splits import Splits
from mvmono3d.data.store import ClipStore
from mvmono3d.errors import ConfigurationError
from tests.data.clips import STICK, STRONG, clip, labels, truth


def mixed(*, done: int = 0, per_epoch: int | None = None, rank: int = 0, shares: int = 1) -> MixedBatches:
    batches = MixedBatches(
        labelled=np.array([2, 5, 11]),
        unlabelled=np.setdiff1d(np.arange(21), [2, 5, 11]),
        labelled_per_batch=2,
        batch_size=5,
        seed=7,
        batches_done=lambda: done,
        per_epoch=lambda: per_epoch or len(batches),
        rank=rank,
        shares=shares,
    )
    return batches


@pytest.mark.parametrize("share", [0.01, 0.1, 0.29, 0.5, 1.0])
def test_never_more_clips_keep_their_labels_than_the_share_says(share):
    found = labelled_samples(100, share=share)
    assert len(set(found.tolist())) == len(found) == round(100 * share)
    np.testing.assert_array_equal(found, labelled_samples(100, share=share))


def test_one_clip_keeps_its_labels_however_small_the_share():
    assert len(labelled_samples(20, share=0.01)) == 1


def test_the_clips_of_a_small_share_are_among_those_of_a_larger_one():
    few, many = (set(labelled_samples(200, share=share).tolist()) for share in (0.05, 0.2))
    assert few < many


def test_a_clip_without_labels_keeps_nothing_but_shapes():
    full = clip()
    bare = without_labels(full)
    assert not truth(bare).points_world.any()
    assert not truth(bare).source.any()
    assert not labels(bare).labelled.any()
    assert not labels(bare).state.any()
    assert truth(bare).points_world.shape == truth(full).points_world.shape
    np.testing.assert_array_equal(bare.observations.pixels, full.observations.pixels)
    assert without_labels(clip(labelled=False)).truth is None


def test_every_batch_holds_its_part_of_labelled_clips():
    for batch in mixed():
        assert len(batch) == len(set(batch)) == 5
        assert sum(sample in (2, 5, 11) for _, sample in batch) == 2


def test_both_packs_are_dealt_out_evenly_and_no_card_twice_in_a_pass():
    drawn = Counter(place for done in range(0, 30, 5) for batch in mixed(done=done) for place in batch)
    assert max(drawn.values()) == 1
    samples = Counter(sample for _, sample in drawn)
    for pack in ([2, 5, 11], sorted(set(range(21)) - {2, 5, 11})):
        counts = [samples[sample] for sample in pack]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("per_epoch", [5, 3])
@pytest.mark.parametrize("done", range(8))
def test_a_resume_yields_exactly_what_was_left(done, per_epoch):
    whole = [
        batch
        for epoch in range(3)
        for batch in list(mixed(done=epoch * per_epoch, per_epoch=per_epoch))[:per_epoch]
    ]
    rest = list(mixed(done=done, per_epoch=per_epoch))[: per_epoch - done % per_epoch]
    assert rest == whole[done : (done // per_epoch + 1) * per_epoch]


def test_processes_draw_different_clips_of_a_pass():
    parts = [place for rank in range(2) for batch in mixed(rank=rank, shares=2) for place in batch]
    assert len(set(parts)) == len(parts)


class Stored:
    """Clips that were made before."""

    def __init__(self, folder, *, labelled: bool = True) -> None:
        stores = {
            name: ClipStore.write(
                folder / name,
                [clip(seed=100 * place + number, labelled=labelled) for number in range(count)],
                subjects=[f"{name} {number}" for number in range(count)],
            )
            for place, (name, count) in enumerate({"train": 20, "val": 2, "test": 2}.items())
        }
        self.skeleton = STICK
        self.splits = Splits(train=stores["train"], val=stores["val"], test=stores["test"])

    def prepare(self) -> None: ...

    def open(self) -> Splits:
        return self.splits


def module(source: Stored, **settings) -> ClipDataModule:
    made = ClipDataModule(source=source, batch_size=4, seed=3, **settings)
    made.trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    return made


def test_training_batches_are_half_labelled_and_others_say_nothing(tmp_path):
    data = module(Stored(tmp_path), labelled_share=0.1, labelled_batch_share=0.5)
    for place, batch in enumerate(data.train_dataloader()):
        known = truth(batch).source.flatten(1).any(1)
        assert int(known.sum()) == 2
        assert not labels(batch).labelled[~known].any()
        kept = {sample for _, sample in data.training_batch(place)[:2]}
        assert kept <= set(labelled_samples(20, share=0.1).tolist())


def test_labelled_batches_are_the_clips_that_keep_their_labels(tmp_path):
    data = module(Stored(tmp_path), labelled_share=0.3)
    batches = list(data.labelled_batches())
    assert [len(truth(batch).source) for batch in batches] == [4, 2]
    assert all(bool(truth(batch).source.flatten(1).any(1).all()) for batch in batches)


def test_validation_and_test_clips_keep_their_labels(tmp_path):
    data = module(Stored(tmp_path), labelled_share=0.1)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert all(bool(truth(batch).source.all()) for batch in loader)


def test_validation_clips_come_back_with_rig_errors_and_are_else_the_same(tmp_path):
    augment = replace(STRONG, rig_error_share=0.3)
    data = module(Stored(tmp_path), augment=augment)
    for before, after, again in zip(
        data.val_dataloader(),
        data.val_batches_with_rig_errors(),
        data.val_batches_with_rig_errors(),
        strict=True,
    ):
        assert torch.equal(after.observations.pixels, before.observations.pixels)
        assert torch.equal(truth(after).points_world, truth(before).points_world)
        moved = (after.rig.camera_from_world - before.rig.camera_from_world).abs().flatten(1).amax(1)
        assert (moved > 0).all()
        assert torch.equal(after.rig.camera_from_world, again.rig.camera_from_world)
    exact = module(Stored(tmp_path / "exact"), augment=replace(STRONG, rig_error_share=0.0))
    assert not list(exact.val_batches_with_rig_errors())


def test_a_share_of_no_labels_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no labels at all"):
        module(Stored(tmp_path, labelled=False), labelled_share=0.1).train_dataloader()


@pytest.mark.parametrize("name", ["labelled_share", "labelled_batch_share"])
@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_is_a_share(tmp_path, name, share):
    with pytest.raises(ConfigurationError, match=name):
        module(Stored(tmp_path), **{name: share})


def test_a_resume_with_other_labels_is_refused_and_an_older_checkpoint_had_all(tmp_path):
    source = Stored(tmp_path)
    few, all_labels = module(source, labelled_share=0.1), module(source)
    with pytest.raises(ConfigurationError, match=r"labelled_share 0\.1"):
        all_labels.load_state_dict(few.state_dict())
    older = {name: value for name, value in all_labels.state_dict().items() if "labelled" not in name}
    all_labels.load_state_dict(older)
    with pytest.raises(ConfigurationError, match=r"labelled_share 1\.0"):
        few.load_state_dict(older)
