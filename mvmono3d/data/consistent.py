"""Labels that nobody drew: joints on which enough views of a frame set agree, projected back into all.

Multi-view bootstrapping (Simon et al., Hand Keypoint Detection in Single Images using Multiview
Bootstrapping, 2017): what a detector gets right in some views teaches it those it got wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import MissingReason
from mvmono3d.data.crops import Crops
from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.protocol import Detector, Finder, WholeImages
from mvmono3d.deploy.detect.upright import turned_upright
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, around_pixels, windows_around
from mvmono3d.geometry.crop import carry_pixels, crop_from_image, image_from_crop, similarity_scale
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.geometry.robust import triangulate_robust
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated


@dataclass(frozen=True, kw_only=True)
class ConsistencySettings:
    """Which joints become labels."""

    least_views: int
    """That agree on a joint; 3 practically never do by chance."""
    least_share: float
    """Share of the joints without which a frame set is left out."""
    least_confidence: float
    """Of a detection that may vote."""
    sigma_share: float
    """Standard deviation of a good detection, as a share of the side of its window."""
    passes: int
    """How often windows are cut anew round what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One frame set with what its views agree on."""

    solved: RobustTriangulated
    kept: Bool[Array, " joint"]
    """Joints on which enough views agree."""
    windows: Windows


def agree(
    images: WholeImages,
    windows: Windows,
    rig: Rig,
    *,
    detector: Detector,
    settings: ConsistencySettings,
) -> Labelled | None:
    """Detect, triangulate, and look again where that says the actor is; None where too few joints agree."""
    labelled = None
    for _ in range(settings.passes):
        labelled = _once(images, windows, rig, detector=detector, settings=settings)
        if labelled is None:
            return None
        windows = labelled.windows
    return labelled


def find_windows(images: WholeImages, *, finder: Finder, detector: Detector) -> Windows | None:
    """Return of each view the candidate of which the detector is surest; None where fewer than two have one.

    A finder sees little of an actor; a detector that looks closer tells cables from fingers.
    """
    candidates = [turned_upright(images, each, detector) for each in finder.find(images)]
    if not candidates:
        return None
    sure = np.stack([_confidence(images, each, detector) for each in candidates])
    views = sure.shape[1]
    surest = views * sure.argmax(axis=0) + np.arange(views)
    chosen = Windows.concatenate(candidates).map(lambda array: array[surest])
    return chosen if chosen.known.sum() >= 2 else None


def _confidence(images: WholeImages, windows: Windows, detector: Detector) -> Float[Array, " view"]:
    crops = cut_windows(images, windows, size=detector.size)
    found = detector.detect(crops).confidence.mean(axis=-1)
    return np.where(crops.known, found, -1.0)


def labelled_crops(
    images: WholeImages, labelled: Labelled, rig: Rig, *, size: int, margin: float
) -> Iterator[Crops]:
    """Yield a labelled crop of every view that sees the actor.

    Args:
        images: the frame set.
        labelled: what its views agree on.
        rig: its cameras.
        size: height and width of a crop [px].
        margin: side of the window over the longer side of the box round the joints.
    """
    points = labelled.solved.points_world
    seen = project(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    inside = seen.in_front & inside_image(seen.pixels, np.asarray(rig.camera.size_px))
    usable = inside & labelled.kept
    wide = WindowSettings(margin=margin)
    windows = around_pixels(seen.pixels, usable, settings=wide)
    for view in np.flatnonzero(windows.known & images.present).tolist():
        affine = crop_from_image(windows.centre_px[view], windows.side_px[view], size=size)
        picture = images.images[view]
        if images.bits > 8:
            picture = picture >> (images.bits - 8)
        scale = float(similarity_scale(affine))
        if scale < 0.8:
            picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
        crop = cv2.warpAffine(picture.astype(np.uint8), affine, (size, size), flags=cv2.INTER_LINEAR)
        pixels = np.where(usable[view, :, None], seen.pixels[view], 0.0)
        agreed = labelled.solved.inlier[view] & usable[view]
        yield Crops(
            images=crop[None],
            pixels=carry_pixels(affine, pixels).astype(np.float32),
            labelled=usable[view],
            # A view that agrees sees the joint, or guesses it very well; one that doesn't may be wrong.
            visible=agreed,
            visible_known=agreed,
        )


def _once(
    images: WholeImages, windows: Windows, rig: Rig, *, detector: Detector, settings: ConsistencySettings
) -> Labelled | None:
    windows = turned_upright(images, windows, detector)
    crops = cut_windows(images, windows, size=detector.size)
    found = detector.detect(crops)
    detected = crops.known[:, None] & (found.confidence >= settings.least_confidence)
    if (detected.sum(axis=0) >= 2).mean() < settings.least_share:
        return None
    pixels = carry_pixels(image_from_crop(crops.crop_from_image), found.pixels.astype(np.float64))
    sigma_px = settings.sigma_share * float(np.median(windows.side_px[crops.known]))
    solved = triangulate_robust(
        np.where(detected[..., None], pixels, 0.0),
        np.where(detected, found.confidence, 0.0).astype(np.float64),
        detected,
        lens=rig.camera.lens.astype(np.float64),
        camera_from_world=rig.camera_from_world.astype(np.float64),
        settings=RobustSettings(sigma_px=sigma_px),
    )
    kept = (solved.reason == MissingReason.NONE) & (solved.agreeing >= settings.least_views)
    if kept.mean() < settings.least_share:
        return None
    around = windows_around(
        solved.points_world, kept, rig, settings=WindowSettings(upright=detector.skeleton.upright)
    )
    return Labelled(solved=solved, kept=kept, windows=around)
