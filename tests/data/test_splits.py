import pytest

from mvmono3d.data.splits import Splits
from mvmono3d.data.store import ClipStore
from mvmono3d.errors import ConfigurationError
from tests.data.clips import clip


def splits(stores, *, shared=()):
    return Splits(train=stores["train"], val=stores["val"], test=stores["test"], shared=frozenset(shared))


def store(folder, name, *, seed, subject=None):
    return ClipStore.write(folder / name, [clip(seed=seed)], subjects=[subject or name])


def test_clips_of_different_actors_and_rigs_make_splits(tmp_path):
    stores = {name: store(tmp_path, name, seed=seed) for seed, name in enumerate(("train", "val", "test"))}
    assert [name for name, _ in splits(stores).stores()] == ["train", "val", "test"]


@pytest.mark.parametrize("leak", [("train", "val"), ("train", "test"), ("val", "test")])
def test_an_actor_in_two_splits_is_refused(tmp_path, leak):
    stores = {
        name: store(tmp_path, name, seed=seed, subject="ann" if name in leak else None)
        for seed, name in enumerate(("train", "val", "test"))
    }
    with pytest.raises(ConfigurationError, match="share subjects ann"):
        splits(stores)


def test_a_rig_in_two_splits_is_refused_unless_the_data_has_only_one(tmp_path):
    stores = {name: store(tmp_path, name, seed=0) for name in ("train", "val", "test")}
    with pytest.raises(ConfigurationError, match="share rigs"):
        splits(stores)
    splits(stores, shared=["rigs"])
