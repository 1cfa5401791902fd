"""Pictures of all cameras become the sightings of a board."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.examine import ExaminedPicture, examine_images, of_one_generation
from mvmono3d.calibration.image_folders import pose_numbers
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.errors import InvalidFileError


def sightings_from_images(
    cameras: Mapping[str, Mapping[int, Path]],
    board: Board,
    *,
    where: str,
    cache: Path | None = None,
    processes: int | None = None,
) -> BoardSightings:
    """Find the board in each camera's images, which are numbered by pose.

    A camera without an image of some number did not see that pose.
    """
    check_board(board, cameras=tuple(cameras), where=where)
    jobs = [
        (name, number, path) for name, images in cameras.items() for number, path in sorted(images.items())
    ]
    pictures = examine_images([path for *_, path in jobs], board, cache=cache, processes=processes)
    _check_sizes([(name, str(path)) for name, _, path in jobs], pictures)
    found = {(name, number): picture for (name, number, _), picture in zip(jobs, pictures, strict=True)}
    numbers = pose_numbers(cameras)
    return assemble(
        [[found.get((name, number)) for name in cameras] for number in numbers],
        board,
        cameras=tuple(cameras),
        labels=tuple(str(number) for number in numbers),
        where=where,
    )


def assemble(
    pictures: Sequence[Sequence[ExaminedPicture | None]],
    board: Board,
    *,
    cameras: tuple[str, ...],
    labels: tuple[str, ...],
    where: str,
    time_ns: Int[np.ndarray, "pose view"] | None = None,
) -> BoardSightings:
    """Put pictures, by pose and then by view, into one record; `None` is a camera without that picture.

    Raises `InvalidFileError` where a camera never sees the board.
    """
    every = [picture for row in pictures for picture in row if picture is not None]
    kept = {id(old): new for old, new in zip(every, of_one_generation(every, board), strict=True)}
    shape = (len(pictures), len(cameras), board.corners)
    pixels, seen = np.zeros((*shape, 2)), np.zeros(shape, dtype=bool)
    sizes = np.zeros((len(cameras), 2), dtype=np.int64)
    for pose, row in enumerate(pictures):
        for view, picture in enumerate(row):
            if picture is not None:
                sizes[view] = picture.size_px
                corners = kept[id(picture)].corners
                pixels[pose, view, corners.numbers] = corners.pixels
                seen[pose, view, corners.numbers] = True
    _check_every_camera(seen, cameras, board, where)
    return BoardSightings(
        cameras=cameras,
        size_px=sizes,
        corners_m=board.corners_m(),
        pixels=pixels,
        seen=seen,
        labels=labels,
        time_ns=time_ns,
        two_sided=board.two_sided,
    )


def check_board(board: Board, *, cameras: Sequence[str], where: str) -> None:
    """Refuse a chessboard that several cameras may number differently."""
    if board.ambiguous and len(cameras) > 1:
        columns, rows = board.squares
        raise InvalidFileError(
            f"{where}: a chessboard of {columns} x {rows} squares looks the same upside down, so cameras "
            f"{', '.join(cameras)} may number its corners differently; print one with an odd and an even "
            "number of squares, or a ChArUco board, which may also be seen in part"
        )


def _check_sizes(sources: Sequence[tuple[str, str]], pictures: Sequence[ExaminedPicture]) -> None:
    first: dict[str, tuple[tuple[int, int], str]] = {}
    for (camera, place), picture in zip(sources, pictures, strict=True):
        size, other = first.setdefault(camera, (picture.size_px, place))
        if picture.size_px != size:
            raise InvalidFileError(
                f"{place}: {picture.size_px[0]} x {picture.size_px[1]} px, but {other} of camera {camera!r} "
                f"has {size[0]} x {size[1]} px"
            )


def _check_every_camera(seen: np.ndarray, cameras: tuple[str, ...], board: Board, where: str) -> None:
    blind = [name for view, name in enumerate(cameras) if not seen[:, view].any()]
    if blind:
        columns, rows = board.squares
        raise InvalidFileError(
            f"{where}: no corner of the {board.kind} of {columns} x {rows} found by camera "
            f"{', '.join(blind)}; check squares, dictionary ({board.dictionary or 'none'}), inverted "
            f"({str(board.inverted).lower()}) and that the board is in the picture"
        )
