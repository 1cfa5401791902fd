"""A hand or body landmarker of MediaPipe, from a task file that the user has, by the user's own `mediapipe`.

It finds the actor in the crop by itself, and knows no errors; confidence is that of the hand or body as a
whole, or the landmark's own visibility where it has one.
"""

from pathlib import Path
from typing import Any

import numpy as np

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.detect.batch import check_size, no_joints, spread
from mvmono3d.deploy.detect.protocol import CropJoints, Crops
from mvmono3d.errors import InvalidFileError, MissingDependencyError

_SIZE = 224


class MediaPipeDetector:
    """A task file behind our protocol: 21 landmarks make it one of hands, any other number one of bodies."""

    size = _SIZE

    def __init__(self, path: Path, skeleton: Skeleton, *, order: tuple[int, ...], sigma_share: float) -> None:
        self.skeleton, self._order, self._sigma_share = skeleton, list(order), sigma_share
        self._hands = len(skeleton.joints) == 21
        self._package = _package()
        self._landmarker = _landmarker(self._package, path, hands=self._hands)

    def detect(self, crops: Crops) -> CropJoints:
        """See `Detector`."""
        check_size(crops, self.size)
        nothing = no_joints(len(crops.known), len(self.skeleton.joints))
        found = {
            name: getattr(nothing, name)[crops.known].copy()
            for name in ("pixels", "sigma_px", "confidence", "visible")
        }
        for place, image in enumerate(crops.images[crops.known]):
            self._look(image, {name: values[place] for name, values in found.items()})
        return spread(found, crops.known, nothing)

    def _look(self, image: np.ndarray, into: dict[str, np.ndarray]) -> None:
        """Write what one crop shows over the answer of nothing."""
        picture = self._package.Image(
            image_format=self._package.ImageFormat.SRGB,
            data=np.ascontiguousarray(np.repeat(image[..., None], 3, axis=-1)),
        )
        result = self._landmarker.detect(picture)
        actors = result.hand_landmarks if self._hands else result.pose_landmarks
        if not actors:
            return
        landmarks = [actors[0][place] for place in self._order]
        # Its coordinates run from the picture's edge to its edge; ours are pixels whose centres are whole.
        into["pixels"][:] = np.array([[each.x, each.y] for each in landmarks]) * self.size - 0.5
        if self._hands:
            into["confidence"][:] = result.handedness[0][0].score
        else:
            into["confidence"][:] = [each.visibility for each in landmarks]
        into["visible"][:] = into["confidence"]
        into["sigma_px"][:] = self._sigma_share * self.size


def _package() -> Any:
    try:
        import mediapipe
    except ImportError:
        raise MissingDependencyError(
            "a MediaPipe task file needs the package mediapipe, which is not among our dependencies: "
            "pip install mediapipe"
        ) from None
    return mediapipe


def _landmarker(package: Any, path: Path, *, hands: bool) -> Any:
    vision = package.tasks.vision
    base = package.tasks.BaseOptions(model_asset_path=str(path))
    kind, options = (
        (vision.HandLandmarker, vision.HandLandmarkerOptions(base_options=base, num_hands=1))
        if hands
        else (vision.PoseLandmarker, vision.PoseLandmarkerOptions(base_options=base, num_poses=1))
    )
    try:
        return kind.create_from_options(options)
    except (ValueError, RuntimeError, OSError) as error:
        raise InvalidFileError(f"{path}: MediaPipe can't open it: {error}") from None
