"""What `mvmono3d calibrate` is given: folders of images, videos, or corners that were saved."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.examine import ExaminedPicture, run_parallel
from mvmono3d.calibration.frame_times import TIMESTAMPS, FrameSets, pair_by_index, read_timestamps
from mvmono3d.calibration.gather import assemble, check_board, sightings_from_images
from mvmono3d.calibration.image_folders import by_pose, list_camera_images
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.sightings_file import read_sightings
from mvmono3d.calibration.thinning import choose_poses
from mvmono3d.calibration.videos import count_frames, examine_video, find_camera_videos
from mvmono3d.errors import InvalidFileError

MOST_FRAMES = 80
"""Poses kept of a video: more add minutes, not accuracy."""
_CANDIDATES_PER_FRAME = 4


class InputKind(StrEnum):
    """What a path holds."""

    CORNERS = "saved corners"
    IMAGES = "images"
    VIDEOS = "videos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A path, and what was found there: looked at once."""

    path: Path
    kind: InputKind
    images: Mapping[str, Mapping[int, Path]]
    """Of each camera by pose number; none where `kind` is another."""
    videos: Mapping[str, Path]
    """Of each camera; none where `kind` is another."""

    @property
    def is_sequence(self) -> bool:
        """Whether it holds many frames of a motion: videos, or corners saved from them."""
        return self.kind is not InputKind.IMAGES

    @property
    def files(self) -> list[Path]:
        """Every file that corners come from, in order."""
        if self.kind is InputKind.CORNERS:
            return [self.path]
        images = (file for of_camera in self.images.values() for file in of_camera.values())
        return sorted([*images, *self.videos.values()])


def look_into(path: Path, *, pattern: str | None = None) -> Input:
    """Say what a path holds: a .npz, images in a folder per camera or, where there are none, videos.

    `pattern` says which files of each camera; see `list_camera_images` and `find_camera_videos`.
    """
    if path.suffix == ".npz":
        return Input(path=path, kind=InputKind.CORNERS, images={}, videos={})
    if not path.is_dir():
        raise InvalidFileError(f"{path}: expected a folder of images or videos, or a .npz of saved corners")
    images = list_camera_images(path, pattern=pattern)
    if images:
        return Input(path=path, kind=InputKind.IMAGES, images=by_pose(images), videos={})
    videos = find_camera_videos(path, pattern=pattern)
    return Input(path=path, kind=InputKind.VIDEOS, images={}, videos=videos)


def gather_sightings(
    path: Path,
    board: Board | None,
    *,
    pattern: str | None = None,
    most_frames: int = MOST_FRAMES,
    cache: Path | None = None,
    processes: int | None = None,
) -> BoardSightings:
    """Return the sightings of a .npz, a folder of images or a folder of videos; see `look_into`.

    Corners from a .npz need no board; with one, theirs must be the same. Of videos the `most_frames` poses
    that differ most are kept.
    """
    source = look_into(path, pattern=pattern)
    found = gather_sequence(source, board, most_frames=most_frames, cache=cache, processes=processes)
    return thin(found, most=most_frames) if source.kind is InputKind.VIDEOS else found


def gather_sequence(
    source: Input,
    board: Board | None,
    *,
    most_frames: int = MOST_FRAMES,
    cache: Path | None = None,
    processes: int | None = None,
) -> BoardSightings:
    """Return everything that `gather_sightings` looks at: of videos also the frames that it leaves out."""
    if source.kind is InputKind.CORNERS:
        return _saved(source.path, board)
    where = str(source.path)
    if board is None:
        raise InvalidFileError(f"{where}: images and videos need a board file")
    if source.kind is InputKind.IMAGES:
        return sightings_from_images(source.images, board, where=where, cache=cache, processes=processes)
    return sequence_from_videos(source, board, most_frames=most_frames, cache=cache, processes=processes)


def sequence_from_videos(
    source: Input,
    board: Board,
    *,
    most_frames: int = MOST_FRAMES,
    cache: Path | None = None,
    processes: int | None = None,
) -> BoardSightings:
    """Find the board in one video per camera.

    Frames are paired by `timestamps.csv` in the folder, else by their place. Of a long recording, four
    times as many frames as are kept are looked at, evenly over it.
    """
    folder, videos = source.path, source.videos
    cameras = tuple(videos)
    check_board(board, cameras=cameras, where=str(folder))
    workers = processes if processes is not None else min(len(videos), os.cpu_count() or 1)
    counts = list(
        run_parallel(count_frames, list(videos.values()), title="counting frames", processes=workers)
    )
    sets = _frame_sets(folder, counts, cameras)
    picked = _evenly(len(sets.labels), most_frames * _CANDIDATES_PER_FRAME)
    jobs = [
        (video, tuple(sets.frame[picked, view][sets.present[picked, view]].tolist()))
        for view, video in enumerate(videos.values())
    ]
    examine = partial(examine_video, board=board, cache=cache)
    found = list(run_parallel(examine, jobs, title="finding the board", processes=workers))
    return assemble(
        _rows(found, sets.present[picked]),
        board,
        cameras=cameras,
        labels=tuple(sets.labels[place] for place in picked),
        where=str(folder),
        time_ns=None if sets.time_ns is None else sets.time_ns[picked],
    )


def thin(sightings: BoardSightings, *, most: int) -> BoardSightings:
    """Keep at most `most` poses, those that differ most; poses that nobody saw go first."""
    kept = choose_poses(sightings.pixels, sightings.seen, width_px=sightings.size_px[:, 0], most=most)
    return replace(
        sightings,
        pixels=sightings.pixels[kept],
        seen=sightings.seen[kept],
        labels=tuple(sightings.labels[place] for place in kept),
        time_ns=None if sightings.time_ns is None else sightings.time_ns[kept],
    )


def _saved(path: Path, board: Board | None) -> BoardSightings:
    sightings = read_sightings(path)
    if board is not None:
        corners = board.corners_m()
        if corners.shape != sightings.corners_m.shape or not np.allclose(
            corners, sightings.corners_m, rtol=0, atol=1e-9
        ):
            raise InvalidFileError(
                f"{path}: its {len(sightings.corners_m)} corners are not the board's {len(corners)}; "
                "find them again with this board, or leave the board out"
            )
    return sightings


def _frame_sets(folder: Path, counts: list[int], cameras: tuple[str, ...]) -> FrameSets:
    times = folder / TIMESTAMPS
    if times.is_file():
        return read_timestamps(times, frames=counts, cameras=cameras)
    return pair_by_index(counts, cameras=cameras, where=str(folder))


def _evenly(frames: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, frames - 1, min(frames, most)).round().astype(np.int64))


def _rows(found: list[list[ExaminedPicture]], present: np.ndarray) -> list[list[ExaminedPicture | None]]:
    pictures = [iter(of_camera) for of_camera in found]
    return [
        [next(pictures[view]) if here else None for view, here in enumerate(row)] for row in present.tolist()
    ]
