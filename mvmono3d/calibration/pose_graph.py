"""Where cameras and boards stand, from the boards that cameras share: the start of the adjustment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.planar_pose import PlanarPoses, planar_poses, pose_errors, spread_out
from mvmono3d.calibration.reprojection import Corners, Estimate
from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.rigid import compose, invert, transform_from

MOST_SHARED = 15
"""Shared poses that the transform between two cameras is sought in."""
_CUT_PX = 20.0
"""An error beyond this counts as this: one wrong solution is as bad as another."""
_SCORED = 24
"""Corners of a board that a suggestion is judged by, at least."""
_AGREES = 3.0
"""Poses within this many median errors of the best transform take part in the average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Cameras and boards in one world, that of the root camera, and which poses were placed."""

    estimate: Estimate
    poses: Int[Array, " placed"]
    """Numbers of the poses that `estimate` holds, in its order."""
    root: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBoard:
    """One board before one camera: its corners, the lens they came through, both poses they allow."""

    points_board: Array
    pixels: Array
    lens: Array
    poses: PlanarPoses


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """How two cameras stand to each other, by the boards that both saw."""

    new_from_near: Float[Array, "3 4"]
    errors_px: Float[Array, " shared"]
    """Median error of each board tried, carried from one camera to the other by the best suggestion."""


def place(corners: Corners, lens: Float[Array, "view 10"], *, names: tuple[str, ...]) -> Placed:
    """Place all cameras and every board that one of them sees well.

    The transform between two cameras is the one, among those that any shared pose suggests with either
    of its planar solutions, under which each camera's boards appear where the other saw them; cameras
    are joined along the tree of most shared corners. Raises `InvalidRecordError` where cameras fall into
    parts that share no board, and names the parts.
    """
    seen = seen_boards(corners, lens)
    shared = _shared_corners(seen, len(lens))
    root = int(np.argmax(shared.sum(axis=1)))
    camera_from_root = {root: np.eye(3, 4)}
    while len(camera_from_root) < len(lens):
        inside = sorted(camera_from_root)
        outside = [view for view in range(len(lens)) if view not in camera_from_root]
        among = shared[np.ix_(inside, outside)]
        if not among.any():
            raise _disconnected(shared, names)
        row, column = np.unravel_index(int(np.argmax(among)), among.shape)
        near, new = inside[row], outside[column]
        camera_from_root[new] = compose(_between(seen, new, near), camera_from_root[near])
    camera_from_world = np.stack([camera_from_root[view] for view in range(len(lens))])
    poses = sorted({pose for _, pose in seen})
    boards = [
        place_board({v: s for (v, p), s in seen.items() if p == pose}, camera_from_world) for pose in poses
    ]
    estimate = Estimate(lens=lens, camera_from_world=camera_from_world, world_from_board=np.stack(boards))
    return Placed(estimate=estimate, poses=np.asarray(poses), root=root)


def parts(shared: Int[Array, "view view"]) -> list[list[int]]:
    """Return the groups of cameras that shared corners connect."""
    left, found = set(range(len(shared))), []
    while left:
        group, edge = set(), {min(left)}
        while edge:
            group |= edge
            edge = {int(other) for view in edge for other in np.flatnonzero(shared[view])} - group
        found.append(sorted(group))
        left -= group
    return found


def seen_boards(corners: Corners, lens: Float[Array, "view 10"]) -> dict[tuple[int, int], SeenBoard]:
    """Return, by (view, pose), every board whose corners fix a pose."""
    seen = {}
    for view, pose in np.unique(np.stack([corners.view, corners.pose], axis=-1), axis=0):
        mine = (corners.view == view) & (corners.pose == pose)
        points, pixels = corners.point_board[mine], corners.pixels[mine]
        if spread_out(points):
            found = planar_poses(points, pixels, lens[view])
            seen[int(view), int(pose)] = SeenBoard(
                points_board=points, pixels=pixels, lens=lens[view], poses=found
            )
    return seen


def _shared_corners(seen: dict[tuple[int, int], SeenBoard], views: int) -> Array:
    """Return how many corners two cameras have in poses that both see: the lesser count of each pose."""
    shared = np.zeros((views, views), dtype=np.int64)
    for (view, pose), one in seen.items():
        for other in range(views):
            if other != view and (other, pose) in seen:
                shared[view, other] += min(len(one.pixels), len(seen[other, pose].pixels))
    return shared


def _between(seen: dict[tuple[int, int], SeenBoard], new: int, near: int) -> Array:
    poses = [pose for view, pose in seen if view == near and (new, pose) in seen]
    return join([(seen[new, pose], seen[near, pose]) for pose in poses]).new_from_near


def join(pairs: Sequence[tuple[SeenBoard, SeenBoard]]) -> Joined:
    """Return new_from_near, averaged over the shared boards that agree with the best suggestion.

    Args:
        pairs: The same board before the new camera and the near one; those with most corners are taken.
    """
    pairs = sorted(pairs, key=lambda pair: -min(len(pair[0].pixels), len(pair[1].pixels)))[:MOST_SHARED]
    suggestions = np.stack([one for pair in pairs for one in _suggested(*pair)])
    errors = np.stack([_transfer_errors(suggestions, *pair) for pair in pairs])
    best = int(np.argmin(np.minimum(errors, _CUT_PX).sum(axis=0)))
    # Of each pose, the suggestion nearest to the best one, if it is near at all.
    agreeing = errors[:, best] <= max(_AGREES * float(np.median(errors[:, best])), 1.0)
    chosen = [
        _nearest(_suggested(*pair), suggestions[best]) for pair, ok in zip(pairs, agreeing, strict=True) if ok
    ]
    return Joined(new_from_near=_average(np.stack(chosen)), errors_px=errors[:, best])


def _suggested(new: SeenBoard, near: SeenBoard) -> Array:
    """Return new_from_near for each combination of the two boards' planar solutions."""
    near_from_board = near.poses.camera_from_board
    found = compose(new.poses.camera_from_board[:, None], invert(near_from_board)[None])
    return found.reshape(-1, 3, 4)


def _transfer_errors(suggestions: Array, new: SeenBoard, near: SeenBoard) -> Array:
    """Return by how many pixels (median) the better solution of `near` misses what `new` saw, and back."""
    forward = compose(suggestions[:, None], near.poses.camera_from_board[None])
    back = compose(invert(suggestions)[:, None], new.poses.camera_from_board[None])
    return np.maximum(_missed(new, forward), _missed(near, back))


def _missed(seen: SeenBoard, camera_from_board: Array) -> Array:
    few = slice(None, None, max(1, len(seen.pixels) // _SCORED))
    errors = pose_errors(seen.points_board[few], seen.pixels[few], seen.lens, camera_from_board)
    return np.median(errors, axis=-1).min(axis=1)


def _nearest(suggestions: Array, best: Array) -> Array:
    difference = np.sum((suggestions[..., :3] - best[..., :3]) ** 2, axis=(-2, -1))
    return suggestions[int(np.argmin(difference))]


def _average(transforms: Array) -> Array:
    """Return the chordal mean of rotations (Hartley et al. 2013, 5.3) and the median of translations."""
    left, _, right = np.linalg.svd(transforms[..., :3].sum(axis=0))
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return transform_from(left @ sign @ right, np.median(transforms[..., 3], axis=0))


def place_board(before: dict[int, SeenBoard], camera_from_world: Array) -> Array:
    """Return world_from_board that all cameras together miss least, among all their planar solutions.

    Args:
        before: What each camera, by its place in the rig, saw of the board.
        camera_from_world: (view, 3, 4)
    """
    tried = [
        compose(invert(camera_from_world[view])[None], one.poses.camera_from_board)
        for view, one in before.items()
    ]
    candidates = np.concatenate(tried)
    cost = np.zeros(len(candidates))
    for view, one in before.items():
        in_camera = compose(camera_from_world[view][None], candidates)
        errors = np.median(pose_errors(one.points_board, one.pixels, one.lens, in_camera), axis=-1)
        cost = cost + len(one.pixels) * np.minimum(errors, _CUT_PX)
    return candidates[int(np.argmin(cost))]


def _disconnected(shared: Array, names: tuple[str, ...]) -> InvalidRecordError:
    groups = [" ".join(names[view] for view in group) for group in parts(shared)]
    return InvalidRecordError(
        f"cameras fall into {len(groups)} parts that share no board pose: {' | '.join(groups)}; "
        "record the board where a camera of each part sees it at the same instant"
    )
