"""OpenCV: `calibrateCamera` for each camera, then `stereoCalibrate` from camera to camera.

`multiview` takes OpenCV 5's `calibrateMultiview` for the poses instead.
"""

import time

import cv2
import numpy as np

from .exchange import Solved, lens_of

DEFAULTS = {"coefficients": 5, "pairs": "tree", "centred": False, "square_pixels": False, "multiview": False}
_LEAST = 8
"""Corners of a pose that takes part."""
_CRITERIA = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 300, 1e-12)


def solve(boards, settings):
    settings = DEFAULTS | settings
    begin, wall = time.process_time(), time.perf_counter()
    lenses = [one_camera(boards, view, settings) for view in range(len(boards.size_px))]
    place = _multiview if settings["multiview"] else _chain
    camera_from_world = place(boards, lenses, settings)
    return Solved(
        lens=np.stack([lens_of(*lens) for lens in lenses]),
        camera_from_world=np.stack(camera_from_world),
        cpu_s=np.array(time.process_time() - begin),
        wall_s=np.array(time.perf_counter() - wall),
    )


def one_camera(boards, view, settings):
    """Return matrix and distortion of a camera, by all poses that it sees well."""
    points, pixels = boards.of_view(view, boards.poses_of(view, least=_LEAST))
    size = tuple(int(side) for side in boards.size_px[view])
    flags = _flags(settings)
    guess = cv2.initCameraMatrix2D(points, pixels, size)
    found = cv2.calibrateCamera(
        points, pixels, size, guess, np.zeros(5), flags=flags | cv2.CALIB_USE_INTRINSIC_GUESS,
        criteria=_CRITERIA,
    )  # fmt: skip
    return found[1], found[2].ravel()


def _flags(settings):
    flags = cv2.CALIB_FIX_PRINCIPAL_POINT if settings["centred"] else 0
    flags |= cv2.CALIB_FIX_ASPECT_RATIO if settings["square_pixels"] else 0
    if settings["coefficients"] < 5:
        flags |= cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K3
    return flags | (cv2.CALIB_FIX_K2 if settings["coefficients"] < 2 else 0)


def _chain(boards, lenses, settings):
    """Return every camera's pose, each from the one that it shares most with (or all from one)."""
    shared = np.einsum("pvc,pwc->vw", boards.seen.astype(int), boards.seen.astype(int))
    np.fill_diagonal(shared, 0)
    root = int(shared.sum(axis=1).argmax())
    poses = {root: np.eye(3, 4)}
    while len(poses) < len(lenses):
        placed, free = list(poses), [view for view in range(len(lenses)) if view not in poses]
        near = [root] if settings["pairs"] == "star" else placed
        _, first, second = max((shared[a, b], a, b) for a in near for b in free)
        turn, shift = _pair(boards, lenses, first, second)
        before = poses[first]
        poses[second] = np.concatenate([turn @ before[:, :3], turn @ before[:, 3:] + shift], axis=1)
    return [poses[view] for view in range(len(lenses))]


def _pair(boards, lenses, first, second):
    """Return the pose of the second camera from the first."""
    both = boards.seen[:, first] & boards.seen[:, second]
    poses = np.flatnonzero(both.sum(axis=1) >= _LEAST)
    points, pixels = boards.of_mask(first, both[poses], poses)
    _, others = boards.of_mask(second, both[poses], poses)
    size = tuple(int(side) for side in boards.size_px[first])
    found = cv2.stereoCalibrate(  # pyright: ignore[reportCallIssue]
        points, pixels, others, *lenses[first], *lenses[second], size,
        flags=cv2.CALIB_FIX_INTRINSIC, criteria=_CRITERIA,
    )  # fmt: skip
    return found[5], found[6].reshape(3, 1)


def _multiview(boards, lenses, _settings):
    """Return every camera's pose by OpenCV's joint adjustment of poses, lenses held."""
    views = len(lenses)
    sees = boards.seen.sum(axis=2) >= _LEAST
    poses = np.flatnonzero(sees.sum(axis=1) >= 2)
    points = [boards.corners.astype(np.float32)] * len(poses)
    pixels = []
    for view in range(views):
        mine = np.where(boards.seen[poses, view, :, None], boards.pixels[poses, view], -1.0)
        pixels.append([np.ascontiguousarray(each, dtype=np.float32) for each in mine])
    found = cv2.calibrateMultiview(
        points,
        pixels,
        [tuple(int(side) for side in size) for size in boards.size_px],
        sees[poses].T.astype(np.uint8),
        np.zeros(views, dtype=np.uint8),
        [lens[0] for lens in lenses],
        [lens[1] for lens in lenses],
        [np.eye(3) for _ in range(views)],
        [np.zeros((3, 1)) for _ in range(views)],
        flags=cv2.CALIB_USE_INTRINSIC_GUESS,
        criteria=_CRITERIA,
    )
    for view in range(views):
        lenses[view] = (np.asarray(found[1][view]), np.ravel(found[2][view]))
    return [
        np.concatenate([_matrix(turn), np.reshape(shift, (3, 1))], axis=1)
        for turn, shift in zip(found[3], found[4], strict=True)
    ]


def _matrix(turn):
    turn = np.asarray(turn)
    return turn if turn.size == 9 else cv2.Rodrigues(turn)[0]
