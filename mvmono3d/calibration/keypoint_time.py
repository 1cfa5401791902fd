"""How late each camera is against the others, from joints in motion."""

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.keypoint_refine import joints_as_boards, triangulated_joints
from mvmono3d.calibration.reprojection import Corners, derivatives, residuals
from mvmono3d.calibration.time_offsets import TimeOffsets
from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig

_LEAST_FRAMES = 10
_SPAN_S = 0.06
"""Half of the time over which a joint's velocity is measured: over less its noise hides it."""
_LONGEST = 3.0
"""Of that time, over which motion is still taken to be even where frames are missing."""
_NS = 1e-9
_COLUMNS = 7
"""Of each camera: an offset (s), a turn (rad) and a shift (m)."""
_GAUGE = 1e-9
"""Over the largest: smaller eigenvalues are directions that nothing fixes (the world, its size, a clock)."""


def joint_offsets(observations: Observations, rig: Rig) -> TimeOffsets | None:
    """Return by how much each camera exposes later than the others; none where nothing moves.

    A late camera sees joints ahead of where the others expect them, in proportion to their speed. One step
    of the adjustment with an offset per camera and free poses, which a late camera has bent; each joint's
    place is eliminated at each instant. Standard deviations are those of instants (White 1980).
    """
    robust = triangulated_joints(observations, rig)
    points, solved = np.asarray(robust.points_world), np.asarray(robust.agreeing) >= 2
    velocity, known = _velocity(points, solved, np.asarray(observations.time_ns) * _NS)
    used = np.asarray(robust.inlier) & known[:, None]
    frames = used.any(axis=-1).sum(axis=0)
    if frames.min() < _LEAST_FRAMES:
        return None
    time, joint = np.nonzero(known)
    at = points[time, joint]
    estimate, corners = joints_as_boards(observations, rig, at, used, time=time, joint=joint)
    found = derivatives(estimate, corners)
    by_point = found.board[..., 3:]
    speed = (by_point @ velocity[time, joint][corners.pose][..., None])[..., 0]
    columns = np.concatenate([speed[..., None], found.camera], axis=-1)
    rest = -residuals(estimate, corners)
    offset, sigma = _solved(columns, by_point, rest, corners, time=time)
    typical = np.bincount(corners.view, np.sum(speed**2, axis=-1)) / np.bincount(corners.view)
    return TimeOffsets(
        judged=np.ones(len(offset), dtype=bool),
        offset=offset,
        sigma=sigma,
        moves_px=np.abs(offset) * np.sqrt(typical),
        rows=frames.astype(np.float64),
        unit="s",
    )


def _velocity(points: Array, solved: Array, times: Array) -> tuple[Array, Array]:
    """Return each joint's velocity (m/s) by central differences, and where it is known."""
    velocity, known = np.zeros_like(points), np.zeros(solved.shape, dtype=bool)
    usual = float(np.median(np.diff(times))) if len(times) > 1 else _SPAN_S
    step = max(1, round(_SPAN_S / max(usual, 1e-6)))
    if len(times) <= 2 * step:
        return velocity, known
    first, last, middle = slice(None, -2 * step), slice(2 * step, None), slice(step, -step)
    span = times[last] - times[first]
    even = (span > 0.0) & (span <= _LONGEST * 2 * step * usual)
    known[middle] = solved[first] & solved[middle] & solved[last] & even[:, None]
    moved = (points[last] - points[first]) / np.where(even, span, 1.0)[:, None, None]
    velocity[middle] = np.where(known[middle][..., None], moved, 0.0)
    return velocity, known


def _solved(
    columns: Float[Array, "seen 2 7"],
    by_point: Float[Array, "seen 2 3"],
    rest: Float[Array, "seen 2"],
    corners: Corners,
    *,
    time: Int[Array, " point"],
) -> tuple[Float[Array, " view"], Float[Array, " view"]]:
    """Return each camera's offset and its standard deviation, points eliminated, the median 0."""
    views = int(corners.view.max()) + 1
    across, inverse = _by_points(columns, by_point, corners, views=views)
    carried = across @ inverse
    size = views * _COLUMNS
    normal = -carried.transpose(1, 0, 2).reshape(size, -1) @ across.transpose(1, 0, 2).reshape(size, -1).T
    own = np.zeros((views, _COLUMNS, _COLUMNS))
    np.add.at(own, corners.view, np.swapaxes(columns, 1, 2) @ columns)
    for view in range(views):
        block = slice(view * _COLUMNS, (view + 1) * _COLUMNS)
        normal[block, block] += own[view]

    def right(left: Array) -> Array:
        """Return each instant's right side."""
        pulled = np.zeros((len(time), 3))
        np.add.at(pulled, corners.pose, (np.swapaxes(by_point, 1, 2) @ left[..., None])[..., 0])
        sides = np.zeros((int(time.max()) + 1, views, _COLUMNS))
        pull = (np.swapaxes(columns, 1, 2) @ left[..., None])[..., 0]
        np.add.at(sides, (time[corners.pose], corners.view), pull)
        sides = sides.reshape(len(sides), size)
        np.add.at(sides, time, -(carried @ pulled[..., None])[..., 0])
        return sides

    inverse_normal = _held(normal)
    solution = inverse_normal @ right(rest).sum(axis=0)
    left = rest - (columns @ solution.reshape(views, _COLUMNS)[corners.view][..., None])[..., 0]
    scores = right(left)
    deviation = np.linalg.norm(scores @ inverse_normal, axis=0)
    offset = solution[::_COLUMNS]
    return offset - np.median(offset), deviation[::_COLUMNS]


def _by_points(
    columns: Array, by_point: Array, corners: Corners, *, views: int
) -> tuple[Float[Array, "point column 3"], Float[Array, "point 3 3"]]:
    """Return the points' part of the normal equations, across to the cameras and inverted."""
    points = int(corners.pose.max()) + 1
    across, normal = np.zeros((points, views, _COLUMNS, 3)), np.zeros((points, 3, 3))
    np.add.at(across, (corners.pose, corners.view), np.swapaxes(columns, 1, 2) @ by_point)
    np.add.at(normal, corners.pose, np.swapaxes(by_point, 1, 2) @ by_point)
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    inverse = np.linalg.inv(normal + (_GAUGE * scale + 1e-12) * np.eye(3))
    return across.reshape(points, views * _COLUMNS, 3), inverse


def _held(normal: Array) -> Array:
    """Return the inverse of a normal matrix over the directions that something fixes."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), 1e-12))
    values, vectors = np.linalg.eigh(normal * scale[:, None] * scale[None])
    fixed = values > _GAUGE * values[-1]
    inverse = (vectors[:, fixed] / values[fixed]) @ vectors[:, fixed].T
    return inverse * scale[:, None] * scale[None]
