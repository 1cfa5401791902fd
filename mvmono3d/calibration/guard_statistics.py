"""Which camera moved, by how much, and how sure that is: tests on the evidence of `guard_evidence`.

Every joint and view has a bias of unknown size that stays; a moved camera shifts all joints of its view
together. Biases are normal a priori; what a baseline taught about them narrows that. They are eliminated,
and each camera is asked whether moving it alone explains what is left (a generalised likelihood ratio,
Kay, Fundamentals of Statistical Signal Processing II (1998), section 6.4.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve

from mvmono3d.calibration.guard_evidence import COLUMNS, POSE, Evidence
from mvmono3d.core.array import Array

_RIDGE = 1e-9
_LEAST_NOISE_PX = 0.05
_SHIFTED = 16.27
"""χ² of 3 degrees that chance exceeds once in a thousand."""
_FREE_TURN = 0.05
"""What a camera may have turned (rad) and, over its distance, shifted: beyond it nothing is linear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Biases:
    """What is known of every joint's bias before looking: information form, per px and px²."""

    precision: Float[Array, "joint bias bias"]
    """Two biases (u, v) of each view in turn."""
    pull: Float[Array, "joint bias"]
    """Precision times the expected bias."""


class Equations(NamedTuple):
    """Normal equations in the motions of all cameras, biases eliminated."""

    normal: Float[Array, "motion motion"]
    right: Float[Array, " motion"]
    free_sigma: Float[Array, "view 6"]
    """How far a camera that moved may have moved, before looking."""


class Motion(NamedTuple):
    """An estimated motion of one camera."""

    values: Float[Array, "6"]
    covariance: Float[Array, "6 6"]


def unknown_biases(joints: int, views: int, *, bias_px: float) -> Biases:
    """Return biases of which only the standard deviation per axis is known."""
    precision = np.tile(np.eye(2 * views) / bias_px**2, (joints, 1, 1))
    return Biases(precision=precision, pull=np.zeros((joints, 2 * views)))


def learned_biases(evidence: Evidence, before: Biases, *, change_px: float) -> Biases:
    """Return what evidence (of unit noise) from a true rig teaches about the biases.

    `change_px` is how much each may change from then to now (standard deviation per axis).
    """
    _, _, own, _, pull = _blocks(evidence)
    precision = before.precision + own
    mean = np.linalg.solve(precision, (before.pull + pull)[..., None])
    covariance = np.linalg.inv(precision) + change_px**2 * np.eye(own.shape[-1])
    precision = np.linalg.inv(covariance)
    return Biases(precision=precision, pull=(precision @ mean)[..., 0])


def equations(evidence: Evidence, biases: Biases) -> Equations:
    """Eliminate the biases of all joints; the evidence is of unit noise."""
    moving, coupled, own, right, pull = _blocks(evidence)
    both = np.concatenate([coupled.swapaxes(1, 2), (pull + biases.pull)[..., None]], axis=-1)
    solved = np.linalg.solve(own + biases.precision, both)
    normal = moving.sum(axis=0) - np.einsum("kmb,kbn->mn", coupled, solved[..., :-1])
    vector = right.sum(axis=0) - np.einsum("kmb,kb->m", coupled, solved[..., -1])
    return Equations(0.5 * (normal + normal.T), vector, _free_sigma(moving.sum(axis=0)))


def noise_around_biases(steps: Sequence[Evidence]) -> float:
    """Return the noise per axis (px) that is left when each joint's bias in each step is taken out."""
    squared, rows = 0.0, 0.0
    for step in steps:
        _, _, own, _, pull = _blocks(step)
        scale = np.trace(own, axis1=1, axis2=2)[:, None, None]
        inner = own + np.maximum(_RIDGE * scale, _RIDGE) * np.eye(own.shape[-1])
        explained = np.einsum("kb,kb->k", pull, np.linalg.solve(inner, pull[..., None])[..., 0])
        free = step.rows - own.shape[-1]
        squared += float(np.maximum(step.squared - explained, 0.0)[free > 0.0].sum())
        rows += float(free[free > 0.0].sum())
    return float(np.sqrt(max(squared / max(rows, 1.0), _LEAST_NOISE_PX**2)))


def whitened(evidence: Evidence, *, noise_px: float, wander_px: float) -> tuple[Evidence, float]:
    """Return evidence of unit noise, and the log of how probable that span is but for what is still unknown.

    Over a span, each joint's bias differs from its mean over the recording by `wander_px` (standard deviation
    per axis), as a detector's does when the pose changes: frames of one span don't count as independent.
    """
    moving, coupled, own, right, pull = (block / noise_px**2 for block in _blocks(evidence))
    count = own.shape[-1]
    inner = own + np.eye(count) / wander_px**2
    both = np.linalg.solve(inner, np.concatenate([coupled.swapaxes(1, 2), own, pull[..., None]], axis=-1))
    motion_part, own_part, pull_part = both[..., : -count - 1], both[..., -count - 1 : -1], both[..., -1]
    probable = 0.5 * np.einsum("kb,kb->", pull, pull_part)
    probable -= 0.5 * (np.linalg.slogdet(inner)[1].sum() + 2.0 * len(own) * count * np.log(wander_px))
    blocks = (
        moving - coupled @ motion_part,
        coupled - coupled @ own_part,
        own - own @ own_part,
        right - np.einsum("kmb,kb->km", coupled, pull_part),
        pull - np.einsum("kab,kb->ka", own, pull_part),
    )
    return _with_blocks(evidence, blocks), float(probable)


def log_evidence(evidence: Evidence, *, bias_px: float) -> float:
    """Return how probable evidence of unit noise is with biases of that size, whatever cameras did.

    But for a constant. MacKay, Bayesian interpolation (1992), section 3.
    """
    joints, views = len(evidence.right), evidence.views
    biases = unknown_biases(joints, views, bias_px=bias_px)
    _, _, own, _, pull = _blocks(evidence)
    inner = own + biases.precision
    fit = np.einsum("kb,kb->", pull, np.linalg.solve(inner, pull[..., None])[..., 0])
    volume = np.linalg.slogdet(inner)[1].sum() + 2.0 * joints * 2 * views * np.log(bias_px)
    left = equations(evidence, biases)
    posterior = left.normal + np.diag(left.free_sigma.ravel() ** -2.0)
    factor = cho_factor(posterior)
    turned = left.right @ cho_solve(factor, left.right)
    spread = 2.0 * np.log(np.diag(factor[0])).sum()
    return float(0.5 * (fit - volume + turned - spread))


def motion_of(
    left: Equations, view: int, *, pose_sigma: Float[Array, "view 2"], free: tuple[int, ...] = ()
) -> Motion:
    """Return the motion of one camera; those in `free` may have moved too.

    The other cameras moved no more than `pose_sigma` (rad, m; 0: not at all) says.
    """
    sigma = np.repeat(pose_sigma, 3, axis=1)
    moving = list({view, *free})
    sigma[moving] = left.free_sigma[moving]
    asked = np.flatnonzero(sigma.ravel() > 0.0)
    normal = left.normal[np.ix_(asked, asked)] + np.diag(sigma.ravel()[asked] ** -2.0)
    mine = np.flatnonzero(asked // POSE == view)
    covariance = np.linalg.inv(normal)
    values = covariance @ left.right[asked]
    return Motion(values[mine], covariance[np.ix_(mine, mine)])


def plainest(motion: Motion) -> Motion:
    """Return the motion as a turn alone, unless the data speak against that: a bumped camera mostly turns.

    A turn and a shift across the line of sight look alike, so both together are known much less well.
    """
    shift, spread = motion.values[3:], motion.covariance[3:, 3:]
    if shift @ np.linalg.solve(spread, shift) > _SHIFTED:
        return motion
    gain = np.linalg.solve(spread, motion.covariance[3:, :3]).T
    values, covariance = np.zeros(POSE), np.zeros((POSE, POSE))
    values[:3] = motion.values[:3] - gain @ shift
    covariance[:3, :3] = motion.covariance[:3, :3] - gain @ motion.covariance[3:, :3]
    return Motion(values, covariance)


def significance(motion: Motion, *, pose_sigma: Float[Array, "2"]) -> float:
    """Return the squared length of a motion in its own uncertainty and the calibration's: χ², 6 degrees."""
    spread = motion.covariance + np.diag(np.repeat(pose_sigma, 3) ** 2)
    return float(motion.values @ np.linalg.solve(spread, motion.values))


def significances(
    left: Equations, *, pose_sigma: Float[Array, "view 2"], free: tuple[int, ...] = ()
) -> Float[Array, " view"]:
    """Return the significance of moving each camera alone, besides those in `free`; 0 for those."""
    found = np.zeros(len(pose_sigma))
    for view in range(len(found)):
        if view not in free:
            motion = motion_of(left, view, pose_sigma=pose_sigma, free=free)
            found[view] = significance(motion, pose_sigma=pose_sigma[view])
    return found


def _blocks(evidence: Evidence) -> tuple[Array, Array, Array, Array, Array]:
    """Return motion x motion, motion x bias, bias x bias, motion and bias of each joint's equations."""
    joints, views = len(evidence.right), evidence.views
    normal = evidence.normal.reshape(joints, views, COLUMNS, views, COLUMNS)
    right = evidence.right.reshape(joints, views, COLUMNS)
    motion, bias = slice(0, POSE), slice(POSE, COLUMNS)
    return (
        normal[:, :, motion, :, motion].reshape(joints, views * POSE, views * POSE),
        normal[:, :, motion, :, bias].reshape(joints, views * POSE, views * 2),
        normal[:, :, bias, :, bias].reshape(joints, views * 2, views * 2),
        right[:, :, motion].reshape(joints, views * POSE),
        right[:, :, bias].reshape(joints, views * 2),
    )


def _free_sigma(normal: Array) -> Array:
    """Return the prior of each camera's motion; its distance is what a turn moves over what a shift moves."""
    diagonal = np.diag(normal).reshape(-1, 2, 3).sum(axis=-1)
    distance = np.sqrt(np.maximum(diagonal[:, 0], _RIDGE) / np.maximum(diagonal[:, 1], _RIDGE))
    return np.repeat(_FREE_TURN * np.stack([np.ones_like(distance), distance], axis=-1), 3, axis=-1)


def _with_blocks(evidence: Evidence, blocks: tuple[Array, Array, Array, Array, Array]) -> Evidence:
    moving, coupled, own, right, pull = blocks
    joints, views = len(evidence.right), evidence.views
    normal = np.zeros((joints, views, COLUMNS, views, COLUMNS))
    vector = np.zeros((joints, views, COLUMNS))
    motion, bias = slice(0, POSE), slice(POSE, COLUMNS)
    across = coupled.reshape(joints, views, POSE, views, 2)
    normal[:, :, motion, :, motion] = moving.reshape(joints, views, POSE, views, POSE)
    normal[:, :, motion, :, bias] = across
    normal[:, :, bias, :, motion] = across.transpose(0, 3, 4, 1, 2)
    normal[:, :, bias, :, bias] = own.reshape(joints, views, 2, views, 2)
    vector[:, :, motion] = right.reshape(joints, views, POSE)
    vector[:, :, bias] = pull.reshape(joints, views, 2)
    size = views * COLUMNS
    return replace(evidence, normal=normal.reshape(joints, size, size), right=vector.reshape(joints, size))


def explained_px(evidence: Evidence, view: int) -> float:
    """Return how much (RMS) moving one camera at best takes off its residuals, biases or not."""
    normal = evidence.image[view]
    scale = np.diag(np.diag(normal)) * _RIDGE + _RIDGE * np.eye(POSE)
    squared = evidence.image_pull[view] @ np.linalg.solve(normal + scale, evidence.image_pull[view])
    return float(np.sqrt(max(squared, 0.0) / max(int(evidence.used[view]), 1)))
