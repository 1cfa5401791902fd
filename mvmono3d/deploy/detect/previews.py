"""Small pictures of what the cameras see, for people who watch."""

import cv2
import numpy as np

from mvmono3d.deploy.ring.reader import RingSet
from mvmono3d.deploy.server.messages import CameraImage, Images

_LONGER_SIDE_PX = 320
_QUALITY = 70


class Previews:
    """Decides when, and makes them."""

    def __init__(self, cameras: tuple[str, ...], *, bits: int, rate_hz: float) -> None:
        self._cameras, self._shift = cameras, max(0, bits - 8)
        self._period_ns = round(1e9 / rate_hz) if rate_hz > 0 else None
        self._due_ns: int | None = None

    def due(self, time_ns: int) -> bool:
        """Say whether it is time for pictures of a set; the next ones are then due a period later."""
        if self._period_ns is None or (self._due_ns is not None and time_ns < self._due_ns):
            return False
        self._due_ns = time_ns + self._period_ns
        return True

    def of(self, found: RingSet) -> Images:
        """Return the pictures of a set."""
        views = np.flatnonzero(found.present).tolist()
        return Images(t_ns=found.time_ns, images=[self._of(view, found.images[view]) for view in views])

    def _of(self, view: int, image: np.ndarray) -> CameraImage:
        scale = min(1.0, _LONGER_SIDE_PX / max(image.shape))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = np.right_shift(np.asarray(small), self._shift).astype(np.uint8)
        _, jpeg = cv2.imencode(".jpg", grey, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
        height, width = grey.shape
        return CameraImage(camera=self._cameras[view], width=width, height=height, jpeg=jpeg.tobytes())
