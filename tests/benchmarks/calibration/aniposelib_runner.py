"""aniposelib: `CameraGroup.calibrate_rows` with a ChArUco board, as anipose calls it, and more of it.

Its optimiser moves poses, one focal length and k1 (`extra_dist`: k2 too) of each camera and no centre.
Millimetres, as anipose's own calibrations.
"""

import contextlib
import io
import time

import numpy as np
from aniposelib.boards import CharucoBoard, extract_points, merge_rows  # pyright: ignore[reportMissingImports]
from aniposelib.cameras import Camera, CameraGroup  # pyright: ignore[reportMissingImports]

from . import opencv_runner
from .exchange import Solved, camera_of, lens_of

_MM = 1e3
DEFAULTS = {"start": "own", "extra_dist": False, "only_extrinsics": False, "to_the_end": False}
"""`start`: "own" estimates lenses as anipose does, "opencv" takes those of `calibrateCamera`.
`to_the_end`: after anipose's own rounds, all corners once more until nothing changes."""
_LEAST_IN_BUNDLE = 8
_EVERY_CORNER = 10**6
_MOST_STEPS = 1000


def solve(boards, settings):
    settings = DEFAULTS | settings
    begin, wall = time.process_time(), time.perf_counter()
    # Its rounds and board poses start from random choices.
    np.random.seed(0)  # noqa: NPY002
    group = CameraGroup([_camera(boards, view, settings) for view in range(len(boards.size_px))])
    board = _board(boards)
    rows = [_rows(boards, view) for view in range(len(boards.size_px))]
    with contextlib.redirect_stdout(io.StringIO()):
        group.calibrate_rows(
            rows,
            board,
            init_intrinsics=settings["start"] == "own",
            verbose=False,
            only_extrinsics=settings["only_extrinsics"],
        )
        if settings["to_the_end"]:
            _finish(group, board, rows, settings)
    return Solved(
        lens=np.stack([lens_of(each.get_camera_matrix(), each.get_distortions()) for each in group.cameras]),
        camera_from_world=np.stack(
            [camera_of(each.get_rotation(), each.get_translation() / _MM) for each in group.cameras]
        ),
        cpu_s=np.array(time.process_time() - begin),
        wall_s=np.array(time.perf_counter() - wall),
    )


def _finish(group, board, rows, settings):
    full = [[row for row in mine if row["ids"].size >= _LEAST_IN_BUNDLE] for mine in rows]
    pixels, extra = extract_points(merge_rows(full), board, min_cameras=2)
    group.bundle_adjust(
        pixels, extra, loss="linear", ftol=1e-10, max_nfev=_MOST_STEPS, verbose=False,
        only_extrinsics=settings["only_extrinsics"],
    )  # fmt: skip


def _camera(boards, view, settings):
    size = tuple(int(side) for side in boards.size_px[view])
    camera = Camera(size=size, name=f"cam_{view:02d}", extra_dist=settings["extra_dist"])
    if settings["start"] == "opencv":
        # The lens that it can hold: all of OpenCV's where it is held, else what its optimiser moves.
        own = {"square_pixels": True, "coefficients": 2 if settings["extra_dist"] else 1}
        lens = {} if settings["only_extrinsics"] else own
        matrix, distortion = opencv_runner.one_camera(boards, view, opencv_runner.DEFAULTS | lens)
        camera.set_camera_matrix(matrix)
        camera.set_distortions(distortion)
    return camera


def _board(boards):
    columns, count = int(boards.columns), len(boards.corners)
    square = _MM * boards.square_m
    return CharucoBoard(columns + 1, count // columns + 1, square, 0.7 * square, marker_bits=4, dict_size=250)


def _rows(boards, view):
    """Return what its detector would have found."""
    rows = []
    for pose in np.flatnonzero(boards.seen[:, view].any(axis=1)):
        ids = np.flatnonzero(boards.seen[pose, view])
        corners = boards.pixels[pose, view, ids][:, None].astype(np.float64)
        rows.append({"framenum": (0, int(pose)), "corners": corners, "ids": ids[:, None].astype(np.int32)})
    for row in rows:
        row["filled"] = np.full((len(boards.corners), 1, 2), np.nan)
        row["filled"][row["ids"].ravel()] = row["corners"]
    return rows
