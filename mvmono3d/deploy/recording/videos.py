"""A recording as one lossless video per camera (FFV1 in Matroska), checked against it to the last bit.

OpenCV's FFmpeg packs and opens them: grey of 8 bits, or of 16 with the values in the low bits. It wants even
sizes; an odd last row or column is written twice, and `frames.csv` has the true size. A video's own times
are a constant rate; the true ones are in `frames.csv`, and in `timestamps.csv` for the tools that read it.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.recording.frame import Frame
from mvmono3d.deploy.recording.frames_table import TABLE, FramesTable
from mvmono3d.deploy.recording.new_folder import new_folder
from mvmono3d.deploy.recording.reader import Recording
from mvmono3d.errors import InvalidFileError, ParityError

_TIMES = "timestamps.csv"
_CODEC = "FFV1"
_NS_PER_S = 1_000_000_000

Image = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]
EvenImage = UInt8[np.ndarray, "even_height even_width"] | UInt16[np.ndarray, "even_height even_width"]


def write_videos(recording: Recording, folder: Path) -> int:
    """Write `CAMERA.mkv` for each camera, `frames.csv` and `timestamps.csv`; returns the number of frames.

    Raises `InvalidFileError` where the folder exists or can't be written, or a camera changed its format,
    and `ParityError` where a video read back is not the recording: then no folder appears.
    """
    table, times = FramesTable(), _Timestamps()
    with new_folder(folder, what="videos") as workshop:
        _write(recording, workshop, table, times)
        _verify(recording, workshop)
        for name, content in ((TABLE, table.content()), (_TIMES, times.content())):
            with atomic_write(workshop / name) as file:
                file.write(content)
    return table.rows


def read_video(path: Path) -> Iterator[Image]:
    """Yield the frames of a grey video as they were written, without any conversion."""
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    video.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    try:
        while True:
            there, image = video.read()
            if not there:
                return
            yield image.reshape(image.shape[:2])
    finally:
        video.release()


class _Timestamps:
    """Seconds since the first set, of each frame: the table that `mvmono3d calibrate` pairs videos by."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._table = csv.writer(self._text, lineterminator="\n")
        self._table.writerow(("sync_index", "cam_id", "frame_time"))

    def add(self, number: int, camera: str, since_ns: int) -> None:
        # A float can't hold nanoseconds since 1970.
        self._table.writerow((number, camera, f"{since_ns // _NS_PER_S}.{since_ns % _NS_PER_S:09d}"))

    def content(self) -> bytes:
        return self._text.getvalue().encode()


def _rate_hz(recording: Recording) -> float:
    steps = np.diff(recording.time_ns)
    return round(1e9 / float(np.median(steps[steps > 0])), 3) if np.any(steps > 0) else 1.0


def _write(recording: Recording, folder: Path, table: FramesTable, times: _Timestamps) -> None:
    rate_hz, films = _rate_hz(recording), {}
    try:
        for number, frames in enumerate(recording):
            for frame in frames.frames:
                name = f"{frame.camera}.mkv"
                if frame.camera not in films:
                    films[frame.camera] = _Film(folder / name, frame, rate_hz)
                table.add(name, films[frame.camera].add(frame), frames, frame)
                times.add(number, frame.camera, frames.time_ns - int(recording.time_ns[0]))
    finally:
        for film in films.values():
            film.close()


class _Film:
    """One camera's video."""

    def __init__(self, path: Path, first: Frame, rate_hz: float) -> None:
        self._writer, self._format = _writer(path, first, rate_hz), _format(first)
        self._frames = 0

    def add(self, frame: Frame) -> int:
        """Write a frame; returns its place in the video."""
        if _format(frame) != self._format:
            raise InvalidFileError(
                f"camera {frame.camera} changed from {self._format} to {_format(frame)} in frame "
                f"{frame.frame_id}; a video has one format: convert to PNG"
            )
        self._writer.write(_even(frame.image))
        self._frames += 1
        return self._frames - 1

    def close(self) -> None:
        self._writer.release()


def _writer(path: Path, frame: Frame, rate_hz: float) -> cv2.VideoWriter:
    height, width = _even(frame.image).shape
    depth = cv2.CV_8U if frame.bits == 8 else cv2.CV_16U
    writer = cv2.VideoWriter(
        str(path),
        cv2.CAP_FFMPEG,
        cv2.VideoWriter.fourcc(*_CODEC),
        rate_hz,
        (width, height),
        [cv2.VIDEOWRITER_PROP_IS_COLOR, 0, cv2.VIDEOWRITER_PROP_DEPTH, depth],
    )
    if not writer.isOpened():
        raise InvalidFileError(
            f"{path.name}: this OpenCV can't write {_CODEC} in Matroska; expected FFmpeg in "
            "cv2.getBuildInformation(): reinstall opencv-python-headless, or convert to PNG"
        )
    return writer


def _format(frame: Frame) -> str:
    height, width = frame.image.shape
    return f"{width} x {height} px of {frame.bits} bits"


def _even(image: Image) -> EvenImage:
    height, width = image.shape
    return np.pad(image, ((0, height % 2), (0, width % 2)), mode="edge") if height % 2 or width % 2 else image


def _verify(recording: Recording, folder: Path) -> None:
    videos = {camera: read_video(folder / f"{camera}.mkv") for camera in recording.cameras}
    for number, frames in enumerate(recording):
        for frame in frames.frames:
            found = next(videos[frame.camera], None)
            if found is None or not np.array_equal(found, _even(frame.image)):
                raise ParityError(
                    f"{frame.camera}.mkv: frame set {number} read back is not what was recorded; expected "
                    f"a lossless {_CODEC} of OpenCV {cv2.__version__}: convert to PNG instead"
                )
