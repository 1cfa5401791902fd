"""Takes on disk give back what was rendered, below the noise of any sensor."""

import numpy as np
import pytest

from mvmono3d.errors import InvalidFileError
from mvmono3d.synthetic.render.take import Canvas, Take, write_take
from tests.synthetic.render.scenes import hand_renderer


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    return write_take(tmp_path_factory.mktemp("takes") / "hand", hand_renderer(frames=3))


def test_light_comes_back_below_the_shot_noise(take):
    made = hand_renderer(frames=3)
    canvases = [Canvas(empty) for empty in take.empty]
    for frame in (0, 2, 1, 0):
        light = made.frame(frame).light
        for view, canvas in enumerate(canvases):
            shown = canvas.show(take.patch(frame, view))
            # In electrons at a full well of 10 000: shot noise is the signal's square root.
            scale = 10_000.0 / light.max()
            error = np.abs(shown - light[view]) * scale
            assert (error <= 0.05 * np.sqrt(light[view] * scale) + 1e-3).all()


def test_truth_comes_back(take):
    made = hand_renderer(frames=3)
    for frame in range(3):
        truth = made.truth(frame)[0]
        np.testing.assert_array_equal(take.truth.points_world[frame], truth.points_world)
        np.testing.assert_array_equal(take.truth.state[frame], truth.state)


def test_writing_tells_its_progress_and_replaces(tmp_path):
    told = []
    for _ in range(2):
        write_take(tmp_path / "take", hand_renderer(), progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["take"]


def test_a_broken_take_says_so(tmp_path):
    write_take(tmp_path / "take", hand_renderer())
    (tmp_path / "take" / "patches.npy").write_bytes(b"nothing")
    with pytest.raises(InvalidFileError, match="delete it"):
        Take(tmp_path / "take")
    with pytest.raises(InvalidFileError, match="no file"):
        Take(tmp_path / "absent")
