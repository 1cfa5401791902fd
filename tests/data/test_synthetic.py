from functools import partial

import numpy as np
import pytest

from mvmono3d.data.synthetic import SyntheticClips
from mvmono3d.errors import ConfigurationError
from tests.data.clips import STICK, StickWorld, make_stick_clip, refuse_to_make


def source(cache, **changes):
    values = {
        "skeleton": STICK,
        "world": StickWorld(),
        "scene_frames": 16,
        "make": make_stick_clip,
        "scenes": {"train": 3, "val": 1, "test": 2},
        "window_frames": 8,
        "stride_frames": 8,
        "rates_hz": (60.0,),
        "seed": 0,
        "cache": cache,
    }
    return SyntheticClips(**values | changes)


def made(cache, **changes):
    clips = source(cache, **changes)
    clips.prepare()
    return clips.open()


def test_scenes_become_windows_of_actors_and_rigs_that_no_split_shares(tmp_path):
    splits = made(tmp_path)
    assert [len(store) for _, store in splits.stores()] == [6, 2, 2]
    assert splits.shared == frozenset()
    assert splits.train.rigs[0] == splits.train.rigs[1] != splits.train.rigs[2]


def test_the_second_run_reads_what_the_first_made(tmp_path):
    first = made(tmp_path)
    assert made(tmp_path, make=refuse_to_make).hash == first.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"world": StickWorld(gone=0.2)},
        {"seed": 1},
        {"window_frames": 4},
        {"scene_frames": 24},
        {"stride_frames": 4},
        {"make": partial(make_stick_clip)},
    ],
)
def test_every_setting_names_its_own_clips(tmp_path, changes):
    same = "make" in changes
    assert (source(tmp_path).folder == source(tmp_path, **changes).folder) == same


def test_the_clips_depend_on_the_seed_alone(tmp_path):
    one, same, other = (made(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one.hash == same.hash != other.hash


def test_processes_make_the_same_clips(tmp_path):
    assert made(tmp_path / "one").hash == made(tmp_path / "two", processes=2).hash


def test_more_training_scenes_leave_validation_and_test_alone(tmp_path):
    few = made(tmp_path)
    more = made(tmp_path, scenes={"train": 4, "val": 1, "test": 2})
    assert few.test.hash == more.test.hash
    np.testing.assert_array_equal(few.train[5].observations.pixels, more.train[5].observations.pixels)


def test_scenes_shorter_than_a_window_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="less than one window"):
        source(tmp_path, window_frames=17)


def test_a_split_without_scenes_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="scenes"):
        source(tmp_path, scenes={"train": 3, "val": 0, "test": 1})
