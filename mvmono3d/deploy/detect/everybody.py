"""Everybody in whole images at once: for detectors that look their answers up, one for each actor.

They need no windows to look into. What they find is no more ordered than what others find: nobody says that
the first candidate of one view is the first of another.
"""

import numpy as np

from mvmono3d.deploy.detect.finder import whole
from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, Detector, WholeImages
from mvmono3d.geometry.crop import carry_pixels, crop_from_image, image_from_crop, similarity_scale


class Everybody:
    """The detectors of all actors, asked together. Each may see nothing."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self._detectors = detectors

    def see(self, images: WholeImages) -> Sighting:
        """Return one candidate for each actor."""
        return Sighting.concatenate([_seen(images, detector) for detector in self._detectors])


def _seen(images: WholeImages, detector: Detector) -> Sighting:
    windows, size = whole(images), detector.size
    crops = Crops(
        # Nobody looks at them.
        images=np.zeros((len(windows.known), size, size), dtype=np.uint8),
        known=windows.known,
        crop_from_image=crop_from_image(windows.centre_px, windows.side_px, size=size),
        frame_id=images.frame_id,
        time_ns=images.time_ns,
    )
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
