"""Windows of which nobody knows which way is up are turned as the detector reads them best."""

import numpy as np

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.protocol import CropJoints, Crops
from mvmono3d.deploy.detect.upright import turned_upright
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, around_pixels
from mvmono3d.geometry.crop import carry_pixels, upright_turn
from tests.deploy.detect.crops import whole_images

SKELETON = load_skeleton("hand21")
BELOW, ABOVE = SKELETON.upright or (0, 0)
VIEWS = 5
PIXELS = np.random.default_rng(3).uniform(100, 200, (VIEWS, len(SKELETON.joints), 2))
USABLE = np.ones(PIXELS.shape[:2], dtype=bool)
LEVEL = around_pixels(PIXELS, USABLE, settings=WindowSettings())
UPRIGHT = around_pixels(PIXELS, USABLE, settings=WindowSettings(upright=SKELETON.upright))
IMAGES = whole_images(np.zeros((VIEWS, 300, 300), dtype=np.uint8))


class UprightReader:
    """Knows the joints of crops that are upright, is less sure the more they lean, and is off beyond."""

    skeleton, size = SKELETON, 128

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, crops: Crops) -> CropJoints:
        self.asked += 1
        joints = carry_pixels(crops.crop_from_image, PIXELS)
        lean = np.abs(np.angle(np.exp(1j * upright_turn(joints[:, BELOW], joints[:, ABOVE]))))
        wrong = np.where(lean > 0.9, 30.0, 0.0)
        sure = np.exp(-lean)[:, None] * crops.known[:, None] * np.ones(USABLE.shape)
        joints = joints + wrong[:, None, None] * np.random.default_rng(0).normal(size=joints.shape)
        return CropJoints(pixels=joints, sigma_px=np.ones(sure.shape), confidence=sure, visible=sure)


def _unknown() -> Windows:
    return Windows.level(LEVEL.centre_px, LEVEL.side_px, LEVEL.known)


def test_unknown_turns_are_found():
    found = turned_upright(IMAGES, _unknown(), UprightReader())
    assert found.turn_known.all()
    np.testing.assert_allclose(np.exp(1j * found.turn_rad), np.exp(1j * UPRIGHT.turn_rad), atol=1e-9)
    crops = cut_windows(IMAGES, found, size=64)
    below, above = np.moveaxis(carry_pixels(crops.crop_from_image, PIXELS)[:, [BELOW, ABOVE]], 1, 0)
    assert (below[:, 1] > above[:, 1]).all()


def test_known_turns_stay_and_cost_nothing():
    reader = UprightReader()
    assert turned_upright(IMAGES, UPRIGHT, reader) is UPRIGHT
    assert reader.asked == 0


def test_a_view_without_a_window_learns_nothing():
    known = np.arange(VIEWS) > 0
    found = turned_upright(IMAGES, Windows.level(LEVEL.centre_px, LEVEL.side_px, known), UprightReader())
    assert found.turn_known.tolist() == known.tolist()
    assert found.turn_rad[0] == 0.0
