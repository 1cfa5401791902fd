"""What would explain a camera that contradicts the others: its pictures mirrored, late or another's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.agreement import FEWEST_SHARED, shared_boards
from mvmono3d.calibration.calibrate import Start
from mvmono3d.calibration.planar_pose import planar_poses, pose_errors, spread_out
from mvmono3d.calibration.pose_graph import SeenBoard, join, place_board
from mvmono3d.core.array import Array
from mvmono3d.geometry.rigid import compose

MOST_PLACES = 10
"""Places in the order of recording that a camera is tried early or late by."""
_EXPLAINS = 0.35
"""Error with a guess over that without: the guess is right."""
_PARTS = 4
"""Of a place, in which lateness is sought between frames."""

Seen = Mapping[tuple[int, int], SeenBoard]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """By how many places of the recording a camera is late against another."""

    places: float
    error_px: float
    error_as_is_px: float


def is_mirrored(
    seen: Seen, view: int, other: int, *, size_px: Array, corners_m: Float[Array, "corner 3"]
) -> bool:
    """Say whether the pictures of `view`, turned left for right, agree with another camera."""
    pairs = shared_boards(seen, view, other)
    if len(pairs) < FEWEST_SHARED:
        return False
    middle = corners_m.min(axis=0) + corners_m.max(axis=0)
    turned = [(_mirrored(one, float(size_px[view, 0]), middle), near) for one, near in pairs]
    return _typical(turned) < _EXPLAINS * _typical(pairs)


def lateness(seen: Seen, view: int, other: int) -> Lateness | None:
    """Return the shift of `view` along the recording under which both cameras agree; none if none does."""
    tried = {}
    for later in range(-MOST_PLACES, MOST_PLACES + 1):
        pairs = shared_boards(seen, view, other, later=later)
        if len(pairs) >= FEWEST_SHARED:
            tried[float(later)] = _typical(pairs)
    if 0.0 not in tried or len(tried) < 2:
        return None
    best = min(tried, key=lambda later: tried[later])
    finer = [best + step / _PARTS for step in range(-_PARTS + 1, _PARTS) if step]
    for later in finer:
        pairs = _between_frames(seen, view, other, later)
        if len(pairs) >= FEWEST_SHARED:
            tried[later] = _typical(pairs)
    best = min(tried, key=lambda later: tried[later])
    if best == 0.0 or tried[best] > _EXPLAINS * tried[0.0]:
        return None
    return Lateness(places=best, error_px=tried[best], error_as_is_px=tried[0.0])


def swap_explains(start: Start, seen: Seen, one: int, other: int, *, poses: Array, gate_px: float) -> float:
    """Return the share of poses in which all cameras agree once two have exchanged their pictures."""
    camera_from_world = start.placed.estimate.camera_from_world
    lens = start.placed.estimate.lens
    agreed = 0
    for pose in poses:
        before = {view: board for (view, at), board in seen.items() if at == pose}
        exchanged = {view: board for view, board in before.items() if view not in (one, other)}
        for source, target in ((one, other), (other, one)):
            if source in before:
                exchanged[target] = _through(before[source], lens[target])
        if len(exchanged) < 2:
            continue
        board = place_board(exchanged, camera_from_world)
        errors = [
            float(
                np.median(
                    pose_errors(b.points_board, b.pixels, b.lens, compose(camera_from_world[view], board))
                )
            )
            for view, b in exchanged.items()
        ]
        agreed += max(errors) < gate_px
    return agreed / max(len(poses), 1)


def exchanged_since(seen: Seen, one: int, other: int, *, since: int) -> Seen:
    """Return what was seen, with the pictures of two cameras exchanged from a pose on."""
    lens = {view: board.lens for (view, _), board in seen.items()}
    partner = {one: other, other: one}
    return {
        (partner.get(view, view) if pose >= since else view, pose): (
            _through(board, lens[partner[view]]) if pose >= since and view in partner else board
        )
        for (view, pose), board in seen.items()
    }


def _typical(pairs: list[tuple[SeenBoard, SeenBoard]]) -> float:
    return float(np.median(join(pairs).errors_px))


def _through(board: SeenBoard, lens: Array) -> SeenBoard:
    return replace(board, lens=lens, poses=planar_poses(board.points_board, board.pixels, lens))


def _mirrored(board: SeenBoard, width: float, middle: Array) -> SeenBoard:
    """Turn a picture and the numbering of its corners left for right, and the lens with them."""
    lens = np.array(board.lens)
    lens[2] = width - 1.0 - lens[2]
    if lens[9] < 0.5:
        lens[7] = -lens[7]
    pixels = np.stack([width - 1.0 - board.pixels[:, 0], board.pixels[:, 1]], axis=-1)
    points = np.array(board.points_board)
    points[:, 0] = middle[0] - points[:, 0]
    return SeenBoard(points_board=points, pixels=pixels, lens=lens, poses=planar_poses(points, pixels, lens))


def _between_frames(seen: Seen, view: int, other: int, later: float) -> list[tuple[SeenBoard, SeenBoard]]:
    """Return pairs in which the corners of `view` lie between those of two neighbouring frames."""
    first, share = int(np.floor(later)), float(later - np.floor(later))
    pairs = []
    for at, pose in seen:
        if at != other or (view, pose + first) not in seen or (view, pose + first + 1) not in seen:
            continue
        one, then = seen[view, pose + first], seen[view, pose + first + 1]
        both = _common(one, then)
        if both is None:
            continue
        points, before, after = both
        pixels = (1.0 - share) * before + share * after
        board = SeenBoard(
            points_board=points, pixels=pixels, lens=one.lens, poses=planar_poses(points, pixels, one.lens)
        )
        pairs.append((board, seen[other, pose]))
    return pairs


def _common(one: SeenBoard, other: SeenBoard) -> tuple[Array, Array, Array] | None:
    """Return the corners that both pictures show, and where."""
    same = (one.points_board[:, None] == other.points_board[None]).all(axis=-1)
    first, second = np.nonzero(same)
    if not spread_out(one.points_board[first]):
        return None
    return one.points_board[first], one.pixels[first], other.pixels[second]
