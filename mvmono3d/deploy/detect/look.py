"""Look at one frame set: windows of followed actors, and a search where nobody is followed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, Detector, Finder, WholeImages
from mvmono3d.deploy.detect.upright import turned_upright
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.geometry.crop import carry_pixels, image_from_crop, similarity_scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting(Record):
    """What the detector says of every candidate, in the pixels of the images: finite everywhere."""

    pixels: Float[Array, "candidate view joint 2"]
    sigma_px: Float[Array, "candidate view joint"]
    confidence: Float[Array, "candidate view joint"]
    """0 where nobody looked."""
    visible: Float[Array, "candidate view joint"]

    @classmethod
    def nothing(cls, views: int, joints: int) -> "Sighting":
        """Return the sighting of no candidate."""
        plain = np.zeros((0, views, joints))
        return cls(pixels=np.zeros((*plain.shape, 2)), sigma_px=plain + 1.0, confidence=plain, visible=plain)


def look(
    whole: WholeImages, windows: tuple[Windows, ...], *, search: bool, detector: Detector, finder: Finder
) -> Sighting:
    """Return one candidate per record of windows, in their order, then those that a search finds."""
    found = finder.find(whole) if search else ()
    turned = [turned_upright(whole, each, detector) for each in (*windows, *found) if each.known.any()]
    seen = [_seen(whole, each, detector) for each in turned]
    if not seen:
        return Sighting.nothing(len(whole.present), len(detector.skeleton.joints))
    return Sighting.concatenate(seen)


def _seen(whole: WholeImages, windows: Windows, detector: Detector) -> Sighting:
    crops = cut_windows(whole, windows, size=detector.size)
    return in_images(detector.detect(crops), crops)


def in_images(joints: CropJoints, crops: Crops) -> Sighting:
    """Return what was found in crops in the pixels of the images, as one candidate."""
    back = image_from_crop(crops.crop_from_image)
    return Sighting(
        pixels=carry_pixels(back, joints.pixels)[None],
        sigma_px=(joints.sigma_px * similarity_scale(back)[:, None])[None],
        confidence=np.where(crops.known[:, None], joints.confidence, 0.0)[None],
        visible=joints.visible[None],
    )
