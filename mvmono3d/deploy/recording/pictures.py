"""A recording as folders of PNG files, one per camera, and a table of what is known of each frame."""

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.recording.frame import Frame, FrameSet
from mvmono3d.deploy.recording.reader import Recording
from mvmono3d.errors import InvalidFileError

TABLE = "frames.csv"
_COLUMNS = (
    *("file", "camera", "set", "time_ns", "frame_id", "pulse_id", "device_ns", "host_ns"),
    *("exposure_ns", "gain_db", "status", "bits"),
)


def write_pictures(recording: Recording, folder: Path) -> int:
    """Write `CAMERA/NNNNNNNN.png` for each frame and `frames.csv`; returns the number of files.

    Pixels stay as they are: 8 bits, or 16 with the values in the low bits. The folder appears when it is
    whole. Raises `InvalidFileError` where it exists already or can't be written.
    """
    if folder.exists():
        raise InvalidFileError(f"{folder} exists; pictures go to a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
            workshop = Path(name) / "pictures"
            written = _write(recording, workshop)
            workshop.rename(folder)
    except OSError as error:
        raise InvalidFileError(f"{folder} can't be written: {error}") from None
    return written


def _write(recording: Recording, folder: Path) -> int:
    for camera in recording.cameras:
        (folder / camera).mkdir(parents=True)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    written = 0
    for number, frames in enumerate(recording):
        for row in _rows(frames, number, folder):
            table.writerow(row)
            written += 1
    with atomic_write(folder / TABLE) as file:
        file.write(text.getvalue().encode())
    return written


def _rows(frames: FrameSet, number: int, folder: Path) -> Iterator[tuple[object, ...]]:
    for frame in frames.frames:
        name = f"{frame.camera}/{number:08d}.png"
        _write_image(folder / name, frame)
        pulse = "" if frame.pulse_id is None else frame.pulse_id
        yield (
            *(name, frame.camera, frames.number, frames.time_ns, frame.frame_id, pulse, frame.device_ns),
            *(frame.host_ns, frame.exposure_ns, frame.gain_db, frame.status.name.lower(), frame.bits),
        )


def _write_image(path: Path, frame: Frame) -> None:
    encoded, png = cv2.imencode(".png", frame.image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not encoded:
        raise OSError(f"no PNG of {frame.image.shape} {frame.image.dtype}")
    path.write_bytes(png.tobytes())
