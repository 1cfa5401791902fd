"""Videos of a board, one per camera: which there are, how long they are, what their frames show."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.corner_cache import cache_key, keep, recall
from mvmono3d.calibration.examine import ExaminedPicture, examine_picture, pack, unpack
from mvmono3d.core.schema import sha256_of_file
from mvmono3d.errors import InvalidFileError

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".m4v"})


def find_camera_videos(folder: Path, *, pattern: str | None = None) -> dict[str, Path]:
    """Return each camera's video: a file named as its camera, or the only one in a subfolder so named.

    `pattern` is a glob from the folder, or from each subfolder ("calibration*.mp4").
    """
    if not folder.is_dir():
        raise InvalidFileError(f"no folder {folder}")
    direct = _only_videos(folder.glob(pattern or "*"))
    if direct:
        return _by_stem(direct)
    cameras = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        videos = _only_videos(place.glob(pattern or "*"))
        if len(videos) > 1:
            names = ", ".join(video.name for video in videos)
            raise InvalidFileError(f"{place}: {len(videos)} videos ({names}): say which with a pattern")
        if videos:
            cameras[place.name] = videos[0]
    if not cameras:
        looked = "" if pattern is None else f" that fit {pattern!r}"
        raise InvalidFileError(
            f"{folder}: no images in subfolders and no videos{looked}; expected one subfolder of images per "
            "camera, or one video per camera, here or in a subfolder each "
            f"({', '.join(sorted(VIDEO_SUFFIXES))})"
        )
    return cameras


def count_frames(path: Path) -> int:
    """Count a video's frames by decoding them: what containers say is often wrong."""
    with _opened(path) as video:
        frames = 0
        while video.grab():
            frames += 1
    if frames == 0:
        raise InvalidFileError(f"{path}: no frame can be decoded")
    return frames


def examine_video(
    job: tuple[Path, tuple[int, ...]], *, board: Board, cache: Path | None = None
) -> list[ExaminedPicture]:
    """Find the board in some frames of a video, given as (path, increasing frame numbers)."""
    path, wanted = job
    content = f"{sha256_of_file(path)} frames {wanted}"
    key = cache_key(content, board, opencv_version=cv2.__version__)
    known = recall(cache, key)
    if known is not None:
        return unpack(known)
    pictures = [examine_picture(frame, board) for frame in _frames(path, wanted)]
    keep(cache, key, pack(pictures))
    return pictures


def _frames(path: Path, wanted: tuple[int, ...]) -> Iterator[np.ndarray]:
    # Seeking lands on another frame in many containers, so every frame before is decoded.
    with _opened(path) as video:
        place = -1
        for number in wanted:
            while place < number and video.grab():
                place += 1
            found, frame = video.retrieve()
            if place != number or not found:
                raise InvalidFileError(f"{path}: no frame {number}; it has {place + 1}")
            picture = np.asarray(frame, dtype=np.uint8)
            yield picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():
        raise InvalidFileError(f"no video {path}")
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            raise InvalidFileError(f"{path} is not a readable video")
        yield video
    finally:
        video.release()


def _only_videos(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())


def _by_stem(videos: list[Path]) -> dict[str, Path]:
    cameras: dict[str, Path] = {}
    for video in videos:
        if video.stem in cameras:
            raise InvalidFileError(f"{video} and {cameras[video.stem].name} are of one camera {video.stem!r}")
        cameras[video.stem] = video
    return cameras
