"""A search beside those who are followed: where they are the images are covered, so that others are found.

A finder that learned from one actor tells of the one that stands out most; covered, that one can't be it.
"""

from dataclasses import replace

import numpy as np

from mvmono3d.deploy.detect.look import Sighting, look
from mvmono3d.deploy.detect.protocol import Detector, Finder, WholeImages
from mvmono3d.deploy.detect.windows import Windows


def look_and_search(
    images: WholeImages, windows: tuple[Windows, ...], *, detector: Detector, finder: Finder
) -> Sighting:
    """Return one candidate per record of windows, in their order, then those that a search finds beside."""
    followed = look(images, windows, search=False, detector=detector, finder=finder)
    beside = look(covered(images, windows), (), search=True, detector=detector, finder=finder)
    return Sighting.concatenate([followed, beside])


def covered(images: WholeImages, windows: tuple[Windows, ...]) -> WholeImages:
    """Return the images with the median of each instead of what lies in the windows."""
    pictures = images.images.copy()
    height, width = pictures.shape[1:]
    plain = np.median(pictures, axis=(1, 2)).astype(pictures.dtype)
    for each in windows:
        low, high = each.centre_px - 0.5 * each.side_px[:, None], each.centre_px + 0.5 * each.side_px[:, None]
        for view in np.flatnonzero(each.known).tolist():
            left, top = np.clip(np.floor(low[view]), 0, (width, height)).astype(int).tolist()
            right, bottom = np.clip(np.ceil(high[view]) + 1, 0, (width, height)).astype(int).tolist()
            pictures[view, top:bottom, left:right] = plain[view]
    return replace(images, images=pictures)
