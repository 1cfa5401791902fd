"""Everybody in whole images at once: for detectors that look their answers up, one for each actor.

They need no windows to look into. What they find is no more ordered than what others find: nobody says that
the first candidate of one view is the first of another.
"""

import numpy as np

from mvmono3d.deploy.detect.finder import whole
from mvmono3d.deploy.detect.look import Sighting, in_images
from mvmono3d.deploy.detect.protocol import Crops, Detector, WholeImages
from mvmono3d.geometry.crop import crop_from_image


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
