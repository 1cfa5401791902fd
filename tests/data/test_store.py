import json
from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton, parse_skeleton, skeleton_names
from mvmono3d.data.record_arrays import named_arrays
from mvmono3d.data.skeleton_content import skeleton_content
from mvmono3d.data.store import ClipStore, pad_views
from mvmono3d.errors import InvalidFileError, InvalidRecordError
from tests.data.clips import STICK, clip, labels


def test_a_clip_written_is_the_clip_read(tmp_path):
    clips = [clip(seed=seed) for seed in range(3)]
    store = ClipStore.write(tmp_path / "store", clips, subjects=["a", "b", "c"])
    assert len(store) == 3
    assert store.skeleton == STICK
    assert store.subjects == ("a", "b", "c")
    for index, expected in enumerate(clips):
        got = dict(named_arrays(store[index]))
        for name, array in named_arrays(expected):
            np.testing.assert_allclose(got[name], array, rtol=1e-6, err_msg=name)
            assert got[name].dtype != np.float64


def test_clips_without_truth_stay_without_truth(tmp_path):
    store = ClipStore.write(tmp_path / "store", [clip(labelled=False)])
    assert store[0].truth is None
    assert store[0].occlusion is None


def test_a_padded_camera_detects_nothing(tmp_path):
    store = ClipStore.write(tmp_path / "store", [clip(views=4), clip(views=2)])
    observations = store[1].observations
    assert store[1].rig.camera_from_world.shape == (4, 3, 4)
    assert observations.detected[:, :2].any()
    assert not observations.detected[:, 2:].any()
    assert not observations.pixels[:, 2:].any()
    assert not labels(store[1]).labelled[:, 2:].any()


def test_padding_to_fewer_views_changes_nothing():
    made = clip(views=3)
    assert pad_views(made, 2) is made


@pytest.mark.parametrize(
    "skeleton", [STICK, *map(load_skeleton, skeleton_names())], ids=lambda each: each.name
)
def test_a_skeleton_survives_its_content(skeleton):
    content = json.loads(json.dumps(skeleton_content(skeleton)))
    assert parse_skeleton(content, where="store") == skeleton


def test_clips_of_different_length_are_refused(tmp_path):
    with pytest.raises(InvalidRecordError, match=r"frames"):
        ClipStore.write(tmp_path / "store", [clip(frames=4), clip(frames=5)])
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_is_named(tmp_path):
    store = ClipStore.write(tmp_path / "store", [clip()])
    pixels = store.folder / "observations.pixels.npy"
    pixels.write_bytes(pixels.read_bytes()[:-8])
    with pytest.raises(InvalidFileError, match=r"observations\.pixels\.npy"):
        _ = ClipStore.open(store.folder)[0]


def test_a_flipped_bit_is_found(tmp_path):
    store = ClipStore.write(tmp_path / "store", [clip()])
    store.verify()
    pixels = store.folder / "observations.pixels.npy"
    content = bytearray(pixels.read_bytes())
    content[-1] ^= 1
    pixels.write_bytes(content)
    with pytest.raises(InvalidFileError, match="has changed"):
        store.verify()


def test_the_hash_follows_the_content(tmp_path):
    made = clip()
    one = ClipStore.write(tmp_path / "one", [made])
    same = ClipStore.write(tmp_path / "same", [made])
    other = ClipStore.write(tmp_path / "other", [replace(made, rig=clip(seed=1).rig)])
    assert one.hash == same.hash != other.hash


def test_a_store_that_somebody_else_just_made_is_used(tmp_path):
    first = ClipStore.write(tmp_path / "store", [clip()])
    second = ClipStore.write(tmp_path / "store", [clip()])
    assert first.hash == second.hash
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_folder_without_index_is_refused(tmp_path):
    with pytest.raises(InvalidFileError, match="no clip store"):
        ClipStore.open(tmp_path)
