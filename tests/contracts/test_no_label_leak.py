"""Training reads the labels it says and no other: poisoning the others changes no weight."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mvmono3d.core.clip import Clip
from mvmono3d.data.labels import labelled_samples
from mvmono3d.data.store import ClipStore
from mvmono3d.training.fit import run
from tests.contracts.test_configs import CONF, MINIMAL, composed

SELF_SUPERVISED = sorted(
    path.stem
    for path in (CONF / "experiment").glob("*.yaml")
    if "task: self_supervised" in path.read_text() and "data: recorded" not in path.read_text()
)
READ = ClipStore.__getitem__


def poisoned(store: ClipStore, index: int) -> Clip:
    """The clip with labels that spoil whatever they touch."""
    clip = READ(store, index)
    if clip.truth is None or clip.occlusion is None:
        return clip
    return replace(
        clip,
        truth=clip.truth.map(lambda array: np.full_like(array, np.nan) if array.dtype.kind == "f" else array),
        occlusion=replace(clip.occlusion, state=np.full_like(clip.occlusion.state, 3)),
    )


def poisoned_beyond_the_share(store: ClipStore, index: int) -> Clip:
    """Poison all clips but the training clips that may be read."""
    training = store.folder.name.startswith("train")
    kept = labelled_samples(len(store), share=0.5).tolist() if training else []
    return READ(store, index) if index in kept else poisoned(store, index)


def trained(folder, experiment, *overrides: str) -> dict[str, torch.Tensor]:
    # Where the best weights are kept they are chosen, and their covariances corrected.
    run(composed(folder, f"experiment={experiment}", *MINIMAL, *overrides))
    return torch.load(folder / "run" / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("experiment", SELF_SUPERVISED)
def test_poisoned_labels_change_nothing(tmp_path, monkeypatch, experiment):
    clean = trained(tmp_path / "clean", experiment)
    monkeypatch.setattr(ClipStore, "__getitem__", poisoned)
    dirty = trained(tmp_path / "dirty", experiment)
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)


@pytest.mark.slow
def test_few_labels_are_no_more_than_the_share_says(tmp_path, monkeypatch):
    more = ("weights=null", "data.labelled_share=0.5", "trainer.max_epochs=2")
    clean = trained(tmp_path / "clean", "finetune", *more)
    monkeypatch.setattr(ClipStore, "__getitem__", poisoned_beyond_the_share)
    dirty = trained(tmp_path / "dirty", "finetune", *more)
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    monkeypatch.setattr(ClipStore, "__getitem__", poisoned)
    with pytest.raises(Exception, match="not finite"):
        trained(tmp_path / "spoilt", "finetune", *more, "callbacks.finite.skip_at_most=0")


def test_there_is_something_to_protect():
    assert "ssl_multiview" in SELF_SUPERVISED


def test_the_poison_works(tmp_path, monkeypatch):
    monkeypatch.setattr(ClipStore, "__getitem__", poisoned)
    config = composed(tmp_path, "experiment=supervised", *MINIMAL, "callbacks.best=null")
    config.callbacks.finite.skip_at_most = 0
    with pytest.raises(Exception, match="not finite"):
        run(config)
