"""A detector that looks its answer up in a file of detections, by time: replays without a network."""

import numpy as np

from mvmono3d.core.detections_file import Detections
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, WholeImages
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, around_pixels
from mvmono3d.errors import InvalidFileError
from mvmono3d.geometry.crop import carry_pixels, similarity_scale

_SIZE = 64
"""Of the crops: nobody looks at them."""
_UNSTATED_SIGMA_PX = 2.0


class RecordedDetector:
    """Both `Detector` and `Finder`: what the file says of the time of a frame set.

    Raises `InvalidFileError` where the file is of other cameras or joints.
    """

    def __init__(self, recorded: Detections, skeleton: Skeleton, *, views: tuple[str, ...]) -> None:
        if recorded.views != views or recorded.joints != skeleton.joints:
            raise InvalidFileError(
                f"recorded detections of cameras {', '.join(recorded.views)} and {len(recorded.joints)} "
                f"joints, expected {', '.join(views)} and the {len(skeleton.joints)} joints of "
                f"{skeleton.name!r}, in that order"
            )
        seen = recorded.observations
        self.skeleton = skeleton
        self._pixels, self._confidence = np.asarray(seen.pixels), np.asarray(seen.confidence)
        self._detected = np.asarray(seen.detected)
        self._sigma_px = None if seen.sigma_px is None else np.asarray(seen.sigma_px)
        self._time_ns = np.asarray(seen.time_ns)
        steps = np.diff(self._time_ns)
        self._tolerance_ns = int(np.median(steps)) // 2 if len(steps) else 0

    @property
    def size(self) -> int:
        """See `Detector`."""
        return _SIZE

    def detect(self, crops: Crops) -> CropJoints:
        """See `Detector`: nothing at times that the file doesn't have."""
        row = self._row(crops.time_ns)
        pixels = carry_pixels(crops.crop_from_image, self._pixels[row or 0])
        there = self._detected[row or 0] & crops.known[:, None] & (row is not None)
        sigma_px = (
            np.full(there.shape, _UNSTATED_SIGMA_PX) if self._sigma_px is None else self._sigma_px[row or 0]
        )
        return CropJoints(
            pixels=np.where(there[..., None], pixels, 0.0),
            sigma_px=np.maximum(sigma_px, 1e-3) * similarity_scale(crops.crop_from_image)[:, None],
            confidence=np.where(there, self._confidence[row or 0], 0.0),
            visible=np.where(there, 1.0, 0.5),
        )

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        """See `Finder`."""
        row = self._row(images.time_ns)
        if row is None:
            return ()
        usable = self._detected[row] & images.present[:, None]
        windows = around_pixels(self._pixels[row], usable, settings=WindowSettings())
        return (windows,) if windows.known.any() else ()

    def _row(self, time_ns: int) -> int | None:
        """Return the row of the nearest time, if it is no other frame's."""
        after = int(np.searchsorted(self._time_ns, time_ns))
        near = [row for row in (after - 1, after) if 0 <= row < len(self._time_ns)]
        row = min(near, key=lambda each: abs(int(self._time_ns[each]) - time_ns), default=None)
        if row is None or abs(int(self._time_ns[row]) - time_ns) > self._tolerance_ns:
            return None
        return row
