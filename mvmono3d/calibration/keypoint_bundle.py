"""Bundle adjustment over points that move freely: poses of cameras, focal lengths if asked, and the points.

Levenberg-Marquardt on the robust residual, points eliminated (Schur complement). Triggs et al., Bundle
adjustment: a modern synthesis (2000), section 6.1. `Corners` and `Estimate` are those of boards: every point
is a board of one corner, of which only the shift is free.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle import noise_px
from mvmono3d.calibration.reprojection import Corners, Estimate, derivatives, moved, no_step, residuals
from mvmono3d.core.array import Array

COLUMNS = 7
"""Of each camera: a turn (rad) and a shift (m) behind its pose, then the logarithm of its focal lengths."""
_HUBER = 2.0
_CUT = 6.0
"""Sigmas beyond which a detection doesn't count: the detector took something else for the joint."""
_ROUNDS = 60
_SETTLED = 1e-6
_RIDGE = 1e-12
_GAUGE = 7
"""Directions that nothing fixes: the world's turn, shift and scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointBundle:
    """The estimate of least robust cost; the world lies where the start had it, as near as can be."""

    estimate: Estimate
    noise_px: float
    """Per axis, of all views."""
    camera_sigma: Float[Array, "view 7"]
    """Standard deviations, the world and its scale held."""
    inlier: Bool[Array, " seen"]


class _System(NamedTuple):
    """Normal equations with the points eliminated, and what gives the points back."""

    reduced: Array
    right: Array
    inverse: Array
    across: Array
    pull: Array


def adjust_points(start: Estimate, corners: Corners, *, focal: bool) -> PointBundle:
    """Minimise the robust residual over all poses and points, and over focal lengths if `focal` is set.

    Args:
        start: `world_from_board` holds one transform [1 | p] per point.
        corners: `pose` is the number of the point.
        focal: Whether fx and fy of each camera are scaled together.
    """
    damping = 1e-3
    found = residuals(start, corners)
    noise, weight = _weights(found, corners)
    for _ in range(_ROUNDS):
        system = _system(start, corners, found, weight)
        step, points = _step(system, damping=damping, focal=focal)
        tried = _stepped(start, step, points)
        after = residuals(tried, corners)
        gain = np.sum(weight * np.sum(found**2 - after**2, axis=-1))
        if not gain > 0.0:
            damping *= 10.0
            if damping > 1e8:
                break
            continue
        damping = max(damping / 10.0, 1e-12)
        settled = gain <= _SETTLED * np.sum(weight * np.sum(found**2, axis=-1))
        start, found = tried, after
        noise, weight = _weights(found, corners)
        if settled:
            break
    return PointBundle(
        estimate=start,
        noise_px=noise,
        camera_sigma=_sigma(_system(start, corners, found, weight), focal=focal),
        inlier=weight > 0.0,
    )


def _weights(found: Array, corners: Corners) -> tuple[float, Array]:
    # One noise for all views: with one each, free points fit a single view exactly and its noise becomes 0.
    together = replace(corners, view=np.zeros_like(corners.view))
    noise = float(noise_px(found, together, views=1)[0])
    length = np.linalg.norm(found, axis=-1) / noise
    weight = np.minimum(1.0, _HUBER / np.maximum(length, _RIDGE)) / noise**2
    return noise, np.where(length <= _CUT, weight, 0.0)


def _system(estimate: Estimate, corners: Corners, found: Array, weight: Array) -> _System:
    views, points = len(estimate.lens), len(estimate.world_from_board)
    by = derivatives(estimate, corners)
    focal_px = estimate.lens[corners.view, :2]
    by_focal = by.lens[..., 0] * focal_px[:, :1] + by.lens[..., 1] * focal_px[:, 1:]
    cameras = np.concatenate([by.camera, by_focal[..., None]], axis=-1)
    point = by.board[..., 3:]
    weighted = np.swapaxes(cameras * weight[:, None, None], 1, 2)
    own = np.zeros((views, COLUMNS, COLUMNS))
    np.add.at(own, corners.view, weighted @ cameras)
    right = np.zeros((views, COLUMNS))
    np.add.at(right, corners.view, (weighted @ found[..., None])[..., 0])
    across = np.zeros((views, points, COLUMNS, 3))
    np.add.at(across, (corners.view, corners.pose), weighted @ point)
    across = across.transpose(0, 2, 1, 3).reshape(views * COLUMNS, points, 3)
    weighted_point = np.swapaxes(point * weight[:, None, None], 1, 2)
    normal, pull = np.zeros((points, 3, 3)), np.zeros((points, 3))
    np.add.at(normal, corners.pose, weighted_point @ point)
    np.add.at(pull, corners.pose, (weighted_point @ found[..., None])[..., 0])
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    # A point that only one view still sees stays where it is along that view's line of sight.
    inverse = np.linalg.inv(normal + (1e-9 * scale + _RIDGE) * np.eye(3))
    carried = np.einsum("cpi,pij->cpj", across, inverse)
    size = views * COLUMNS
    reduced = -carried.reshape(size, -1) @ across.reshape(size, -1).T
    for view in range(views):
        block = slice(view * COLUMNS, (view + 1) * COLUMNS)
        reduced[block, block] += own[view]
    return _System(reduced, right.ravel() - np.einsum("cpi,pi->c", carried, pull), inverse, across, pull)


def _step(system: _System, *, damping: float, focal: bool) -> tuple[Array, Array]:
    free = _free(len(system.right), focal=focal)
    normal = system.reduced[np.ix_(free, free)]
    scale = np.maximum(np.diag(normal), _RIDGE)
    step = np.zeros(len(free))
    step[free] = -np.linalg.solve(normal + (damping + 1e-10) * np.diag(scale), system.right[free])
    pull = system.pull + np.einsum("cpi,c->pi", system.across, step)
    return step.reshape(-1, COLUMNS), -np.einsum("pij,pj->pi", system.inverse, pull)


def _stepped(estimate: Estimate, step: Array, points: Array) -> Estimate:
    lens = np.zeros((len(step), 9))
    lens[:, :2] = estimate.lens[:, :2] * np.expm1(step[:, 6:])
    board = np.concatenate([np.zeros_like(points), points], axis=-1)
    return moved(estimate, replace(no_step(estimate), lens=lens, camera=step[:, :6], board=board))


def _sigma(system: _System, *, focal: bool) -> Array:
    """Return standard deviations with the seven directions that nothing fixes held."""
    free = _free(len(system.right), focal=focal)
    normal = system.reduced[np.ix_(free, free)]
    scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), _RIDGE))
    values, vectors = np.linalg.eigh(normal * scale[:, None] * scale[None])
    kept = vectors[:, _GAUGE:]
    variance = np.sum(kept**2 / np.maximum(values[_GAUGE:], _RIDGE), axis=1) * scale**2
    sigma = np.zeros(len(free))
    sigma[free] = np.sqrt(variance)
    return sigma.reshape(-1, COLUMNS)


def _free(columns: int, *, focal: bool) -> Array:
    free = np.ones((columns // COLUMNS, COLUMNS), dtype=bool)
    free[:, 6] = focal
    return free.ravel()
