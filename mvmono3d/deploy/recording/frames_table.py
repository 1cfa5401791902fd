"""`frames.csv`: what is known of each frame beside its pixels, for exports that hold pixels alone."""

import csv
import io

from mvmono3d.deploy.recording.frame import Frame, FrameSet

TABLE = "frames.csv"
_COLUMNS = (
    *("file", "place", "camera", "set", "time_ns", "frame_id", "pulse_id", "device_ns", "host_ns"),
    *("exposure_ns", "gain_db", "status", "bits", "width", "height"),
)


class FramesTable:
    """Collects a row for every frame that is written."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._table = csv.writer(self._text, lineterminator="\n")
        self._table.writerow(_COLUMNS)
        self.rows = 0

    def add(self, file: str, place: int, frames: FrameSet, frame: Frame) -> None:
        """Add a frame that lies in a file, at a place within it counted from 0."""
        pulse = "" if frame.pulse_id is None else frame.pulse_id
        height, width = frame.image.shape
        self._table.writerow(
            (
                *(file, place, frame.camera, frames.number, frames.time_ns, frame.frame_id, pulse),
                *(frame.device_ns, frame.host_ns, frame.exposure_ns, frame.gain_db),
                *(frame.status.name.lower(), frame.bits, width, height),
            )
        )
        self.rows += 1

    def content(self) -> bytes:
        """Return the file's bytes."""
        return self._text.getvalue().encode()
