"""Crops on disk, cut, and in batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mvmono3d.data.crop_cut import CropJitter, CropSplits, CutCrops
from mvmono3d.data.crop_module import CropDataModule
from mvmono3d.data.crops import CropParts, mirrored, warp_crop
from mvmono3d.errors import ConfigurationError, InvalidFileError
from mvmono3d.geometry.crop import crop_from_image
from tests.data.crop_source import SKELETON, CropFolder, spotted_crops, spotted_store

JITTER = CropJitter(
    side=0.8, side_range=0.2, shift=0.05, turn_rad=0.5, upright=True, any_turn_share=0.2, mirrored_share=0.0
)


def _module(folder) -> CropDataModule:
    module = CropDataModule(source=CropFolder(folder), size=64, jitter=JITTER, batch_size=2, seed=5)
    module.prepare_data()
    return module


def test_crops_written_are_the_crops_read(tmp_path):
    store = spotted_store(tmp_path / "crops", 4, seed=1, subject="a")
    for got, expected in zip(map(store.__getitem__, range(4)), spotted_crops(4, seed=1), strict=True):
        for name in ("images", "pixels", "labelled", "visible", "visible_known"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    store.verify()


def test_a_changed_file_is_noticed(tmp_path):
    store = spotted_store(tmp_path / "crops", 4, seed=1, subject="a")
    path = tmp_path / "crops" / "images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"images\.npy has changed"):
        store.verify()


def test_splits_that_share_a_subject_are_refused(tmp_path):
    one, other = (spotted_store(tmp_path / name, 2, seed=1, subject="a") for name in ("one", "other"))
    with pytest.raises(ConfigurationError, match="share subjects: a"):
        CropSplits(train=one, val=other, test=other)


def test_a_varied_crop_still_shows_its_joints_where_it_says(tmp_path):
    module = _module(tmp_path)
    store, random = module.splits.train, np.random.default_rng(2)
    for index in range(len(store)):
        crop = store[index]
        similarity = JITTER.draw(crop.images.shape[-1], size=256, upright_rad=0.3, random=random)
        cut = warp_crop(crop, similarity, size=256)
        for u, v in cut.pixels:
            near = cut.images[0, max(int(v) - 2, 0) : int(v) + 4, max(int(u) - 2, 0) : int(u) + 4]
            assert near.max(initial=0) > 60


def test_still_crops_are_upright_unless_they_are_to_stay_as_they_were(tmp_path):
    store = _module(tmp_path).splits.train
    below, above = SKELETON.upright or (0, 0)
    cut = CutCrops(store=store, size=64, jitter=JITTER, seed=None)
    told = [place for place in range(len(store)) if store[place].labelled[[below, above]].all()]
    assert told
    for place in told:
        along = cut[0, place].pixels[above] - cut[0, place].pixels[below]
        np.testing.assert_allclose(along[0], 0.0, atol=1e-3)
        assert along[1] < 0.0
    level = CutCrops(store=store, size=64, jitter=replace(JITTER, upright=False, side=1.0), seed=None)
    scale = 64 / store[0].images.shape[-1]
    along, before = (np.diff(each.pixels[[below, above]], axis=0) for each in (level[0, 0], store[0]))
    np.testing.assert_allclose(along, scale * before, atol=1e-3)


def test_a_joint_that_the_crop_does_not_hold_is_not_visible():
    crop = spotted_crops(1)[0]
    size = crop.images.shape[-1]
    similarity = crop_from_image(crop.pixels[0], np.asarray(0.4 * size), size=64)
    cut = warp_crop(crop, similarity, size=64)
    inside = ((cut.pixels >= 0) & (cut.pixels <= 63)).all(-1)
    assert inside.any()
    assert not inside.all()
    np.testing.assert_array_equal(cut.visible, crop.visible & inside)


def test_a_mirrored_crop_shows_its_joints_where_it_says_under_their_partners_names():
    crop, joints = spotted_crops(1)[0], len(SKELETON.joints)
    partners = [*range(1, joints), 0]
    seen = mirrored(crop, partners)
    for joint, partner in enumerate(partners):
        u, v = seen.pixels[joint].astype(int)
        assert seen.images[0, v, u] == 255
        assert seen.labelled[joint] == crop.labelled[partner]
    swapped = mirrored(mirrored(crop, SKELETON.mirror), SKELETON.mirror)
    np.testing.assert_array_equal(swapped.pixels, crop.pixels)
    np.testing.assert_array_equal(swapped.images, crop.images)


def test_parts_are_read_as_one_store(tmp_path):
    stores = tuple(
        spotted_store(tmp_path / name, count, seed=count, subject=name)
        for name, count in (("a", 2), ("b", 3))
    )
    parts = CropParts(stores)
    assert parts.subjects == ("a", "a", "b", "b", "b")
    expected = [stores[0][0], stores[0][1], stores[1][0], stores[1][1], stores[1][2]]
    for index, crop in enumerate(expected):
        np.testing.assert_array_equal(parts[index].images, crop.images)
    assert len(parts) == 5


def test_validation_crops_are_the_same_every_time_and_of_the_network_s_size(tmp_path):
    module = _module(tmp_path)
    first, second = (list(module.val_dataloader()) for _ in range(2))
    assert [batch.images.shape for batch in first] == [(2, 1, 64, 64), (1, 1, 64, 64)]
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.images, other.images)
        torch.testing.assert_close(one.pixels, other.pixels)


def test_other_data_are_not_resumed_on(tmp_path):
    module = _module(tmp_path / "one")
    state = module.state_dict()
    module.load_state_dict(state)
    with pytest.raises(ConfigurationError, match="trained with data"):
        module.load_state_dict({**state, "data": "another"})
