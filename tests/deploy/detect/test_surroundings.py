"""What the detector's process copies out of the ring is all that a detector looks at."""

import numpy as np
import pytest

from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.process import surroundings
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.windows import Windows

_VIEWS, _HEIGHT, _WIDTH = 4, 300, 500


def _windows(draw: np.random.Generator) -> Windows:
    return Windows(
        centre_px=draw.uniform(-40, [_WIDTH + 40, _HEIGHT + 40], (_VIEWS, 2)),
        side_px=draw.uniform(20, 400, _VIEWS),
        known=draw.random(_VIEWS) < 0.8,
        turn_rad=draw.uniform(-3, 3, _VIEWS),
        turn_known=np.ones(_VIEWS, dtype=bool),
    )


def _whole(images: np.ndarray) -> WholeImages:
    return WholeImages(
        images=images,
        bits=8,
        present=np.ones(_VIEWS, dtype=bool),
        frame_id=np.zeros(_VIEWS, dtype=np.int64),
        time_ns=0,
    )


@pytest.mark.parametrize("seed", range(20))
def test_crops_of_what_is_copied_are_those_of_the_whole_images(seed: int):
    draw = np.random.default_rng(seed)
    actors = tuple(_windows(draw) for _ in range(1 + seed % 3))
    images = draw.integers(0, 256, (_VIEWS, _HEIGHT, _WIDTH), dtype=np.uint8)
    boxes = surroundings(actors)
    assert boxes is not None
    copied = np.zeros_like(images)
    for view, (left, top, right, bottom) in enumerate(np.maximum(boxes, 0).tolist()):
        copied[view, top:bottom, left:right] = images[view, top:bottom, left:right]
    for windows in actors:
        np.testing.assert_array_equal(
            cut_windows(_whole(copied), windows, size=64).images,
            cut_windows(_whole(images), windows, size=64).images,
        )


def test_without_windows_all_of_it_is_copied():
    assert surroundings(()) is None
