from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.data.windows import windows
from mvmono3d.errors import ConfigurationError
from tests.data.clips import clip, truth


def test_windows_without_overlap_are_the_clip():
    made = clip(frames=12)
    cut = list(windows(made, frames=4, stride=4))
    joined = np.concatenate([window.observations.pixels for window in cut])
    np.testing.assert_array_equal(joined, made.observations.pixels)
    np.testing.assert_array_equal(truth(cut[1]).points_world, truth(made).points_world[4:8])
    assert cut[2].rig is made.rig


def test_a_rest_shorter_than_a_window_is_left_out():
    assert len(list(windows(clip(frames=11), frames=4, stride=4))) == 2
    assert len(list(windows(clip(frames=11), frames=4, stride=1))) == 8
    assert list(windows(clip(frames=3), frames=4, stride=1)) == []


def test_no_window_spans_a_gap_in_time():
    made = clip(frames=12)
    time_ns = made.observations.time_ns + np.where(np.arange(12) >= 5, 10**9, 0)
    made = replace(made, observations=replace(made.observations, time_ns=time_ns))
    starts = [int(window.observations.time_ns[0]) for window in windows(made, frames=4, stride=1)]
    assert starts == [int(time_ns[start]) for start in (0, 1, 5, 6, 7, 8)]


def test_windows_of_no_frames_are_refused():
    with pytest.raises(ConfigurationError, match="windows of 0 frames"):
        list(windows(clip(), frames=0, stride=1))
