"""Detections of several people, and times per view."""

import numpy as np
import pytest

from mvmono3d.core.detections_file import read_detections
from mvmono3d.core.npz import write_npz
from mvmono3d.errors import InvalidFileError


def written(folder, *, people=("ann", "bob"), start_ns=1_700_000_000_000_000_000):
    shape = (5, 3, len(people), 4)
    generator = np.random.default_rng(0)
    path = folder / "detections.npz"
    times = start_ns + np.arange(5)[:, None] * 16_666_667 + np.array([0, 200, 400])
    arrays = {
        "pixels": generator.uniform(0, 500, (*shape, 2)),
        "confidence": generator.uniform(0, 1, shape),
        "detected": np.ones(shape, dtype=bool),
        "time_ns": times,
        "views": np.array(["a", "b", "c"]),
        "joints": np.array(["w", "x", "y", "z"]),
        "persons": np.array(people),
    }
    write_npz(path, arrays)
    return path, arrays


def test_one_person_of_several_is_read(tmp_path):
    path, arrays = written(tmp_path)
    found = read_detections(path, person=1).observations
    np.testing.assert_array_equal(found.pixels, arrays["pixels"][:, :, 1])
    np.testing.assert_array_equal(found.confidence, arrays["confidence"][:, :, 1])


def test_times_per_view_become_their_mean_to_the_nanosecond(tmp_path):
    path, arrays = written(tmp_path)
    times = read_detections(path, person=0).observations.time_ns
    np.testing.assert_array_equal(times, arrays["time_ns"][:, 1])


def test_several_people_without_a_choice_are_refused(tmp_path):
    path, _ = written(tmp_path)
    with pytest.raises(InvalidFileError, match=r"ann, bob.*--person"):
        read_detections(path)


def test_a_person_that_is_not_there_is_refused(tmp_path):
    path, _ = written(tmp_path)
    with pytest.raises(InvalidFileError, match="no person 7, expected 0 to 1"):
        read_detections(path, person=7)


def test_the_only_person_needs_no_choice(tmp_path):
    path, arrays = written(tmp_path, people=("ann",))
    np.testing.assert_array_equal(read_detections(path).observations.pixels, arrays["pixels"][:, :, 0])
