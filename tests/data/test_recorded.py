from itertools import pairwise

import numpy as np
import pytest

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.rig_file import write_rig
from mvmono3d.data.recorded import RecordedClips
from mvmono3d.errors import ConfigurationError, UnknownNameError
from tests.data.clips import STICK, clip


def recording(folder, name, *, seed=0, frames=60, rig_seed=None, **more):
    made = clip(frames=frames, seed=seed, labelled=False)
    rig = made.rig if rig_seed is None else clip(seed=rig_seed).rig
    write_rig(folder / f"{name}.toml", rig)
    detections = Detections(
        observations=made.observations, views=rig.names, joints=STICK.joints, skeleton="stick"
    )
    write_detections(folder / f"{name}.npz", detections)
    return {"detections": str(folder / f"{name}.npz"), "rig": str(folder / f"{name}.toml"), **more}


def source(folder, recordings, **changes):
    values = {"skeleton": STICK, "window_frames": 4, "stride_frames": 2, "gap_s": 0.05}
    return RecordedClips(recordings=recordings, cache=folder / "cache", **values | changes)


def opened(clips):
    clips.prepare()
    return clips.open()


def test_one_recording_is_split_in_time_with_gaps_and_says_so(tmp_path, caplog):
    splits = opened(source(tmp_path, [recording(tmp_path, "a")]))
    assert "blocks of time" in caplog.text
    assert splits.shared == {"rigs", "subjects"}
    ends = [
        (int(store[0].observations.time_ns[0]), int(store[len(store) - 1].observations.time_ns[-1]))
        for _, store in splits.stores()
    ]
    for (_, last), (first, _) in pairwise(ends):
        assert first - last >= 0.05e9
    assert splits.train[0].truth is None


def test_several_recordings_are_never_cut_apart(tmp_path):
    entries = [recording(tmp_path, name, seed=seed) for seed, name in enumerate("abcd")]
    splits = opened(source(tmp_path, entries))
    assert {*splits.train.subjects} == {"recording 0", "recording 1"}
    assert {*splits.val.subjects} == {"recording 2"}
    assert {*splits.test.subjects} == {"recording 3"}
    assert splits.shared == frozenset()


def test_recordings_go_where_their_entry_says(tmp_path):
    entries = [
        recording(tmp_path, name, seed=seed, split=split)
        for seed, (name, split) in enumerate((("a", "test"), ("b", "train"), ("c", "val")))
    ]
    splits = opened(source(tmp_path, entries))
    assert {*splits.test.subjects} == {"recording 0"}


def test_one_rig_for_all_recordings_is_allowed_and_noted(tmp_path):
    entries = [recording(tmp_path, name, seed=seed, rig_seed=0) for seed, name in enumerate("abc")]
    assert opened(source(tmp_path, entries)).shared == {"rigs"}


def test_one_subject_in_two_splits_is_refused(tmp_path):
    entries = [recording(tmp_path, name, seed=seed, subject="ann") for seed, name in enumerate("abc")]
    with pytest.raises(ConfigurationError, match="share subjects ann"):
        opened(source(tmp_path, entries))


def test_a_changed_file_is_read_again(tmp_path):
    entries = [recording(tmp_path, "a")]
    before = source(tmp_path, entries).folder
    recording(tmp_path, "a", seed=1, frames=61)
    assert source(tmp_path, entries).folder != before


def test_pixels_of_a_window_are_those_of_the_file(tmp_path):
    splits = opened(source(tmp_path, [recording(tmp_path, "a")], stride_frames=4))
    made = clip(frames=60, labelled=False)
    np.testing.assert_allclose(splits.train[1].observations.pixels, made.observations.pixels[4:8], rtol=1e-6)


@pytest.mark.parametrize(
    ("entry", "error", "message"),
    [
        ({"detection": "a.npz", "rig": "r.toml"}, UnknownNameError, "did you mean 'detections'"),
        ({"detections": "a.npz"}, ConfigurationError, "no 'rig'"),
        ({"detections": "a.npz", "rig": "r", "units": "cm"}, UnknownNameError, "no unit 'cm'"),
        ({"detections": "a.npz", "rig": "r", "split": "tset"}, UnknownNameError, "did you mean 'test'"),
    ],
)
def test_an_entry_with_a_mistake_is_named(tmp_path, entry, error, message):
    with pytest.raises(error, match=message):
        source(tmp_path, [entry]).prepare()


def test_no_recordings_is_refused_with_what_to_pass(tmp_path):
    with pytest.raises(ConfigurationError, match=r"data\.recordings="):
        source(tmp_path, []).prepare()


def test_a_recording_too_short_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no window of 20 frames"):
        opened(source(tmp_path, [recording(tmp_path, "a")], window_frames=20))
