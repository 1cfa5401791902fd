"""Find the board in many images or videos: in parallel processes, each picture only once."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.corner_cache import cache_key, keep, recall
from mvmono3d.calibration.detect import FoundCorners, find_corners
from mvmono3d.core.schema import sha256_of_file
from mvmono3d.errors import InvalidFileError

_MOST_PROCESSES = 8
_FEWEST_FOR_PROCESSES = 8

Job = TypeVar("Job")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedPicture:
    """What one picture showed."""

    corners: FoundCorners
    size_px: tuple[int, int]
    """(width, height)"""


def examine_images(
    paths: Sequence[Path], board: Board, *, cache: Path | None = None, processes: int | None = None
) -> list[ExaminedPicture]:
    """Find the board in image files, in their order; `cache` keeps what was found by content."""
    job = partial(examine_image, board=board, cache=cache)
    return list(run_parallel(job, paths, title="finding the board", processes=processes))


def examine_image(path: Path, board: Board, *, cache: Path | None = None) -> ExaminedPicture:
    """Find the board in one image file; raises `InvalidFileError` when it is no image."""
    if not path.is_file():
        raise InvalidFileError(f"no image {path}")
    key = cache_key(sha256_of_file(path), board, opencv_version=cv2.__version__)
    known = recall(cache, key)
    if known is not None:
        return unpack(known)[0]
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise InvalidFileError(f"{path} is not a readable image")
    examined = examine_picture(np.asarray(image, dtype=np.uint8), board)
    keep(cache, key, pack([examined]))
    return examined


def examine_picture(image: np.ndarray, board: Board) -> ExaminedPicture:
    """Find the board in a grey picture."""
    return ExaminedPicture(corners=find_corners(image, board), size_px=(image.shape[1], image.shape[0]))


def run_parallel(
    job: Callable[[Job], Found], inputs: Sequence[Job], *, title: str, processes: int | None = None
) -> Iterator[Found]:
    """Yield the job's results in order, with a progress bar where someone looks.

    `processes` None takes the machine's cores, at most 8, and this process alone for a handful of inputs.
    """
    console = Console(stderr=True)
    several = processes if processes is not None else min(_MOST_PROCESSES, os.cpu_count() or 1)
    if processes is None and len(inputs) < _FEWEST_FOR_PROCESSES:
        several = 1
    total, quiet = len(inputs), not console.is_terminal
    if several <= 1:
        yield from track(map(job, inputs), title, total=total, console=console, disable=quiet)
        return
    # Spawned: OpenCV's own threads don't survive a fork.
    pool = ProcessPoolExecutor(
        several, mp_context=get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    )
    with pool:
        yield from track(pool.map(job, inputs), title, total=total, console=console, disable=quiet)


def of_one_generation(pictures: Sequence[ExaminedPicture], board: Board) -> list[ExaminedPicture]:
    """Empty the pictures that seemed to show the other ChArUco generation: a printed board has one."""
    votes: Counter[bool] = Counter()
    for picture in pictures:
        votes[picture.corners.legacy_pattern] += len(picture.corners.numbers)
    if len(board.generations) == 1 or not votes:
        return list(pictures)
    winner = votes.most_common(1)[0][0]
    nothing = FoundCorners(numbers=np.zeros(0, dtype=np.int64), pixels=np.zeros((0, 2)))
    return [
        picture
        if picture.corners.legacy_pattern is winner
        else ExaminedPicture(corners=nothing, size_px=picture.size_px)
        for picture in pictures
    ]


def pack(pictures: Sequence[ExaminedPicture]) -> dict[str, np.ndarray]:
    """Return pictures as flat arrays."""
    return {
        "counts": np.array([len(picture.corners.numbers) for picture in pictures], dtype=np.int64),
        "numbers": np.concatenate([np.zeros(0, np.int64), *(p.corners.numbers for p in pictures)]),
        "pixels": np.concatenate([np.zeros((0, 2)), *(p.corners.pixels for p in pictures)]),
        "legacy": np.array([picture.corners.legacy_pattern for picture in pictures], dtype=bool),
        "size_px": np.array([picture.size_px for picture in pictures], dtype=np.int64).reshape(-1, 2),
    }


def unpack(arrays: dict[str, np.ndarray]) -> list[ExaminedPicture]:
    """Return the pictures that `pack` made flat."""
    ends = np.cumsum(arrays["counts"])
    return [
        ExaminedPicture(
            corners=FoundCorners(
                numbers=arrays["numbers"][end - count : end],
                pixels=arrays["pixels"][end - count : end],
                legacy_pattern=bool(legacy),
            ),
            size_px=(int(size[0]), int(size[1])),
        )
        for end, count, legacy, size in zip(
            ends, arrays["counts"], arrays["legacy"], arrays["size_px"], strict=True
        )
    ]
