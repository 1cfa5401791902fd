"""Where the smoother starts: interpolated consensus, how hard joints accelerate, how long bones are."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri

from mvmono3d.geometry.robust_settings import RobustTriangulated

_SURE_VIEWS = 3
_GAP_FRAMES = 3
"""Where no frame this near has three agreeing views, two will do."""
_ENOUGH = 20


def first_guess(
    robust: RobustTriangulated, time_s: Float[np.ndarray, " time"]
) -> tuple[Float[np.ndarray, "time joint 3"], Bool[np.ndarray, "time joint"]]:
    """Interpolate each joint between its trusted frames; say which frames three views agree on.

    A joint never seen starts at the mean of all joints that are.
    """
    points = np.array(robust.points_world, dtype=np.float64)
    solved = np.asarray(robust.reason) == 0
    sure = solved & (np.asarray(robust.agreeing) >= _SURE_VIEWS)
    centre = points[solved].mean(axis=0) if solved.any() else np.zeros(3)
    for joint in range(points.shape[1]):
        near = np.convolve(sure[:, joint], np.ones(2 * _GAP_FRAMES + 1), mode="full")
        near = near[_GAP_FRAMES : _GAP_FRAMES + len(time_s)] > 0.5
        trusted = sure[:, joint] | (solved[:, joint] & ~near)
        for axis in range(3):
            known = points[trusted, joint, axis]
            points[:, joint, axis] = np.interp(time_s, time_s[trusted], known) if len(known) else centre[axis]
    return points, sure


def acceleration_scale(
    points: Float[np.ndarray, "time joint 3"],
    time_s: Float[np.ndarray, " time"],
    sure: Bool[np.ndarray, "time joint"],
    *,
    least: float,
    quantile: float,
) -> Float[np.ndarray, " joint"]:
    """Return the standard deviation of each joint's acceleration, m/s², from a quantile of its size.

    Actors rest for long and then move at once, so a high quantile speaks for the moves. Only frames count
    whose neighbours are sure too: interpolated gaps have no acceleration and would make it too small.
    """
    if len(time_s) < 3:
        return np.full(points.shape[1], least)
    before, after = np.diff(time_s)[:-1, None, None], np.diff(time_s)[1:, None, None]
    velocity = np.diff(points, axis=0)
    change = np.abs(2.0 * (velocity[1:] / after - velocity[:-1] / before) / (before + after))
    usable = sure[2:] & sure[1:-1] & sure[:-2]
    scales, normal = np.empty(points.shape[1]), float(ndtri((1.0 + quantile) / 2.0))
    for joint in range(points.shape[1]):
        own = change[usable[:, joint], joint] if usable[:, joint].sum() > _ENOUGH else change[:, joint]
        scales[joint] = max(float(np.quantile(own, quantile)) / normal, least)
    return scales


def typical_lengths(
    points: Float[np.ndarray, "time joint 3"],
    pairs: Int[np.ndarray, "bone 2"],
    *,
    sure: Bool[np.ndarray, "time joint"],
) -> Float[np.ndarray, " bone"]:
    """Return the median length of each bone over frames in which both ends are sure, else over all."""
    lengths = np.empty(len(pairs))
    for bone, (parent, child) in enumerate(pairs):
        own = np.linalg.norm(points[:, child] - points[:, parent], axis=-1)
        both = sure[:, parent] & sure[:, child]
        lengths[bone] = np.median(own[both] if both.sum() > _ENOUGH else own)
    return lengths
