"""How a lost camera comes back while the others go on: attempts in a thread, at growing intervals."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

from mvmono3d.deploy.cameras.gentl_camera import GenTLCamera
from mvmono3d.deploy.cameras.records import CameraSettings
from mvmono3d.errors import CameraError

_FIRST_S, _LONGEST_S = 0.1, 2.0


class Return:
    """The attempts to get one camera back.

    Opening a camera takes a quarter of a second in many short calls, between which the frames of the others
    are fetched. It happens on a new object, so that no camera is ever used by two threads.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._attempt: Future[GenTLCamera | None] | None = None
        self._next_s, self._interval_s = 0.0, _FIRST_S

    def go_on(self, lost: GenTLCamera, settings: CameraSettings) -> GenTLCamera | None:
        """Start an attempt when it is time, or look at the one that runs; returns the camera that is back."""
        if self._attempt is None:
            if time.monotonic() >= self._next_s:
                self._begin(lost, settings)
            return None
        if not self._attempt.done():
            return None
        found, self._attempt = self._attempt.result(), None
        if found is None:
            self._next_s = time.monotonic() + self._interval_s
            self._interval_s = min(2 * self._interval_s, _LONGEST_S)
        else:
            self.give_up()
        return found

    def _begin(self, lost: GenTLCamera, settings: CameraSettings) -> None:
        lost.release()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"reconnect {lost.serial}")
        self._attempt = self._thread.submit(_connect, lost.anew(), settings)

    def give_up(self) -> None:
        """End the attempts; a camera that has just come back is let go."""
        attempt, self._attempt = self._attempt, None
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        found = None if attempt is None else attempt.result()
        if found is not None:
            found.release()
        self._next_s, self._interval_s = 0.0, _FIRST_S


def _connect(camera: GenTLCamera, settings: CameraSettings) -> GenTLCamera | None:
    try:
        camera.connect()
        camera.configure(settings)
        camera.arm()
    except CameraError:
        camera.release()
        return None
    return camera
