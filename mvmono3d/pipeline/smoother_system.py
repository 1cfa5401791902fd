"""The least-squares system of the smoother: what views, smooth motion and bones demand, and its solution.

Unknowns are ordered by time, then joint, then axis. Smooth motion couples a frame with the two before
it, so the normal matrix is banded and positive definite (Cholesky; scipy.linalg.solveh_banded).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import solveh_banded

from mvmono3d.core.array import Array
from mvmono3d.geometry.projection import to_normalised
from mvmono3d.pipeline.fused import SUPPORT
from mvmono3d.pipeline.sightlines import Sightlines

_NEAREST_M = 0.02
_ANCHOR = 1e-2
"""Every joint is held where it is with this precision (1/m²), so that one without any view is solvable."""

_LONGEST_LAG = 60
_DIED_DOWN = 0.05


class Gate(NamedTuple):
    """Which residuals count, in standard deviations."""

    limit: float
    """Beyond it a view counts nothing."""
    soft: float | None
    """Scale of the Geman-McClure weight within; None counts all alike."""


class Views(NamedTuple):
    """What the views demand of every joint, linearised at the current points."""

    information: Float[Array, "time joint 3 3"]
    pull: Float[Array, "time joint 3"]
    """information · point they ask for"""
    belief: Float[Array, "time view joint"]
    share: Float[Array, "time view joint"]
    """Trace of the information that each view brings."""


class Bones(NamedTuple):
    """Bones with the lengths they keep."""

    pairs: Int[Array, "bone 2"]
    lengths: Float[Array, " bone"]
    precision: Float[Array, " bone"]
    """1 / variance of a length, 1/m²."""


def linearise(
    points: Float[np.ndarray, "time joint 3"],
    sight: Sightlines,
    *,
    cameras: Float[np.ndarray, "view 3 4"],
    gate: Gate,
    few_views_doubt: float = 1.0,
) -> Views:
    """Linearise all views at the points and weigh them by how far off they are.

    Where fewer than three views agree, their variance is taken `few_views_doubt` times as large.
    """
    normalised, depth = to_normalised(points, camera_from_world=cameras)
    divisor = np.maximum(depth, _NEAREST_M)[..., None, None]
    jacobian = (cameras[:, None, :2, :3] - normalised[..., None] * cameras[:, None, 2:, :3]) / divisor
    residual = sight.normalised - normalised
    distance = np.sum(residual**2, axis=-1) * sight.precision
    belief = np.where((distance < gate.limit**2) & (depth > _NEAREST_M) & (sight.precision > 0), 1.0, 0.0)
    if gate.soft is not None:
        belief = belief / (1.0 + distance / gate.soft**2) ** 2
    # Two views may agree on a guess, one view always agrees with itself.
    doubt = np.where((belief > SUPPORT).sum(axis=1, keepdims=True) < 3, few_views_doubt, 1.0)
    weight = (belief * sight.precision / doubt)[..., None, None]
    weighted = np.swapaxes(weight * jacobian, -1, -2)
    each = weighted @ jacobian
    information = each.sum(axis=1)
    step = np.sum(weighted @ residual[..., None], axis=1)
    pull = (information @ points[..., None] + step)[..., 0]
    return Views(information, pull, belief, np.trace(each, axis1=-2, axis2=-1))


def correlated_frames(
    points: Float[np.ndarray, "time joint 3"],
    sight: Sightlines,
    *,
    cameras: Float[np.ndarray, "view 3 4"],
    believed: Bool[np.ndarray, "time view joint"],
) -> float:
    """Return over how many frames the detections' errors are alike: 1 + 2 Σ autocorrelation, at least 1.

    Summed over lags until the autocorrelation has died down (Geyer 1992, section 3.3; Priestley 1981,
    eq. 5.3.5 for the variance of a mean).
    """
    normalised, _ = to_normalised(points, camera_from_world=cameras)
    weight = np.sqrt(sight.precision) * believed
    residual = (sight.normalised - normalised) * weight[..., None]
    alone = np.sum(residual**2) / max(believed.sum(), 1)
    total = 1.0
    for lag in range(1, min(_LONGEST_LAG, len(points) // 2)):
        pairs = (believed[lag:] & believed[:-lag]).sum()
        alike = np.sum(residual[lag:] * residual[:-lag]) / max(pairs, 1)
        if pairs == 0 or alike < _DIED_DOWN * alone:
            break
        total += 2.0 * alike / alone
    return float(total)


def smoothness_bands(time_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, "3 time"]:
    """Return diagonals 0, 1, 2 of DᵀD, where D takes accelerations at uneven times; row k starts at 0."""
    bands = np.zeros((3, len(time_s)))
    if len(time_s) < 3:
        return bands
    before, after = np.diff(time_s)[:-1], np.diff(time_s)[1:]
    outer = 2.0 / (before + after)
    rows = np.stack([outer / before, -outer * (1.0 / before + 1.0 / after), outer / after])
    count = rows.shape[1]
    for first in range(3):
        for second in range(first, 3):
            bands[second - first, first : first + count] += rows[first] * rows[second]
    return bands


def solve_joints(
    views: Views,
    points: Float[np.ndarray, "time joint 3"],
    *,
    bands: Float[np.ndarray, "3 time"],
    acceleration: Float[np.ndarray, " joint"],
) -> Float[np.ndarray, "time joint 3"]:
    """Solve every joint by itself: views and smooth motion."""
    solved = np.empty_like(points)
    nothing = Bones(np.zeros((0, 2), dtype=np.int64), np.zeros(0), np.zeros(0))
    for joint in range(points.shape[1]):
        one = slice(joint, joint + 1)
        own = Views(views.information[:, one], views.pull[:, one], views.belief, views.share)
        matrix, right = assemble(
            own, points[:, one], bands=bands, acceleration=acceleration[one], bones=nothing
        )
        solved[:, one] = solve(matrix, right)
    return solved


def solve(
    matrix: Float[np.ndarray, "band unknown"], right: Float[np.ndarray, "time joint 3"]
) -> Float[np.ndarray, "time joint 3"]:
    """Solve the banded system."""
    return solveh_banded(matrix, right.ravel(), check_finite=False).reshape(right.shape)


def assemble(
    views: Views,
    points: Float[np.ndarray, "time joint 3"],
    *,
    bands: Float[np.ndarray, "3 time"],
    acceleration: Float[np.ndarray, " joint"],
    bones: Bones,
) -> tuple[Float[np.ndarray, "band unknown"], Float[np.ndarray, "time joint 3"]]:
    """Return the upper bands of the normal matrix (scipy's form) and the right-hand side."""
    frames, joints = points.shape[:2]
    width = 3 * joints
    top = 2 * width
    matrix = np.zeros((top + 1, frames, joints, 3))
    right = views.pull + _ANCHOR * points
    for row in range(3):
        for column in range(row, 3):
            matrix[top - (column - row), :, :, column] += views.information[..., row, column]
    stiffness = bands[:, :, None] / acceleration**2
    matrix[top] += stiffness[0][..., None] + _ANCHOR
    for apart in (1, 2):
        matrix[top - apart * width, apart:] += stiffness[apart, : frames - apart, :, None]
    for bone in range(len(bones.pairs)):
        _add_bone(matrix, right, points, bones, bone)
    return matrix.reshape(top + 1, -1), right


def _add_bone(
    matrix: Float[np.ndarray, "band time joint 3"],
    right: Float[np.ndarray, "time joint 3"],
    points: Float[np.ndarray, "time joint 3"],
    bones: Bones,
    bone: int,
) -> None:
    # |child - parent| = length, linearised: direction · (child - parent) = length.
    first, second = sorted(int(joint) for joint in bones.pairs[bone])
    along = points[:, second] - points[:, first]
    direction = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
    block = bones.precision[bone] * direction[:, :, None] * direction[:, None, :]
    wish = bones.precision[bone] * bones.lengths[bone] * direction
    right[:, second] += wish
    right[:, first] -= wish
    top = matrix.shape[0] - 1
    for row in range(3):
        for column in range(3):
            if column >= row:
                matrix[top - (column - row), :, first, column] += block[:, row, column]
                matrix[top - (column - row), :, second, column] += block[:, row, column]
            apart = 3 * (second - first) + column - row
            matrix[top - apart, :, second, column] -= block[:, row, column]


def marginal_covariance(
    matrix: Float[np.ndarray, "band unknown"], *, frames: int, joints: int
) -> Float[np.ndarray, "time joint 3 3"]:
    """Return the 3 x 3 blocks on the diagonal of the inverse, without forming the rest of it.

    Two frames form one block, so the matrix is block tridiagonal; a forward elimination and a backward
    recursion give the marginals (Takahashi, Fagan, Chin 1973; the Rauch-Tung-Striebel smoother).
    """
    size = 6 * joints
    blocks = (frames + 1) // 2
    inverses, gains = np.empty((blocks, size, size)), np.empty((blocks, size, size))
    schur = _block(matrix, 0, 0, size)
    for index in range(blocks):
        inverses[index] = np.linalg.inv(schur)
        if index + 1 < blocks:
            beside = _block(matrix, index, index + 1, size)
            gains[index] = inverses[index] @ beside
            schur = _block(matrix, index + 1, index + 1, size) - beside.T @ gains[index]
    marginal = inverses[-1]
    out = np.empty((blocks, 2 * joints, 3, 3))
    for index in range(blocks - 1, -1, -1):
        if index + 1 < blocks:
            marginal = inverses[index] + gains[index] @ marginal @ gains[index].T
        cut = marginal.reshape(2 * joints, 3, 2 * joints, 3)
        out[index] = np.diagonal(cut, axis1=0, axis2=2).transpose(2, 0, 1)
    out = out.reshape(2 * blocks, joints, 3, 3)[:frames]
    return 0.5 * (out + out.swapaxes(-1, -2))


def _block(matrix: np.ndarray, row: int, column: int, size: int) -> np.ndarray:
    """Cut a dense block out of the upper bands; past the end the matrix continues as the identity."""
    top, unknowns = matrix.shape[0] - 1, matrix.shape[1]
    rows = row * size + np.arange(size)[:, None]
    columns = column * size + np.arange(size)[None, :]
    low, high = np.minimum(rows, columns), np.maximum(rows, columns)
    inside = (high < unknowns) & (high - low <= top)
    place = np.where(inside, top + low - high, 0), np.where(inside, high, 0)
    return np.where(inside, matrix[place], np.where((rows == columns) & (rows >= unknowns), 1.0, 0.0))
