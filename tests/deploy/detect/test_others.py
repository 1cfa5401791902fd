"""Who is followed is not found again, and does not hide who else is there."""

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.detect.others import covered, look_and_search
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, WholeImages
from mvmono3d.deploy.detect.windows import Windows

_VIEWS, _SIDE, _BRIGHT = 2, 21, 200
_PLACES = (((30, 40), (90, 60)), ((110, 25), (40, 70)))
"""Of each view: the middles of two squares, the first one brighter."""


def _images() -> WholeImages:
    images = np.full((_VIEWS, 100, 140), 9, dtype=np.uint8)
    for view, places in enumerate(_PLACES):
        for (u, v), bright in zip(places, (_BRIGHT, _BRIGHT // 2), strict=True):
            images[view, v - 10 : v + 11, u - 10 : u + 11] = bright
    return WholeImages(
        images=images,
        bits=8,
        present=np.ones(_VIEWS, dtype=bool),
        frame_id=np.zeros(_VIEWS, dtype=np.int64),
        time_ns=0,
    )


def _windows(number: int) -> Windows:
    centre = np.array([places[number] for places in _PLACES], dtype=np.float64)
    return Windows.level(centre, np.full(_VIEWS, float(_SIDE)), np.ones(_VIEWS, dtype=bool), turn_known=True)


class _Brightest:
    """A finder that tells of the brightest square of each image alone."""

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        centre = []
        for image in images.images:
            rows, columns = np.nonzero(image == image.max())
            centre.append([columns.mean(), rows.mean()])
        sides, known = np.full(_VIEWS, float(_SIDE)), np.ones(_VIEWS, dtype=bool)
        return (Windows.level(np.array(centre), sides, known, turn_known=True),)


class _Middle:
    """A detector that puts all joints into the middle of its crop, as surely as that is bright."""

    skeleton, size = load_skeleton("hand21"), 15

    def detect(self, crops: Crops) -> CropJoints:
        shape = (_VIEWS, len(self.skeleton.joints))
        sure = crops.images[:, 7, 7, None] / 255.0
        return CropJoints(
            pixels=np.full((*shape, 2), 7.0),
            sigma_px=np.ones(shape),
            confidence=np.broadcast_to(sure, shape).copy(),
            visible=np.ones(shape),
        )


@pytest.mark.parametrize("followed", [0, 1])
def test_the_other_one_is_found_whichever_is_followed(followed: int):
    seen = look_and_search(_images(), (_windows(followed),), detector=_Middle(), finder=_Brightest())
    for candidate, number in enumerate((followed, 1 - followed)):
        np.testing.assert_allclose(
            seen.pixels[candidate].mean(axis=1), [places[number] for places in _PLACES], atol=0.5
        )


def test_only_windows_are_covered_and_the_images_stay_as_they_were():
    images = _images()
    before = images.images.copy()
    shown = covered(images, (_windows(0),)).images
    np.testing.assert_array_equal(images.images, before)
    changed = shown != before
    assert (before[changed] == _BRIGHT).all()
    assert not (shown == _BRIGHT).any()
    assert (shown[changed] == 9).all()


def test_windows_beyond_the_image_or_unknown_cover_nothing_else():
    images, far = _images(), _windows(0)
    outside = Windows.level(far.centre_px - 500.0, far.side_px, far.known)
    unknown = Windows.level(far.centre_px, far.side_px, np.zeros(_VIEWS, dtype=bool))
    np.testing.assert_array_equal(covered(images, (outside, unknown)).images, images.images)
