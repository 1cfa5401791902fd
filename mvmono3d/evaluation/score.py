"""Score a reconstruction against a clip with truth: one number per question, honest about silence.

Joints without an answer appear three times: `answered` says how many got one; `mpjpe_mm` looks at those
only; `mpjpe_held_mm` and `hidden_mm` let the user hold the last answer (see `metrics.position.held_error`),
and the shares above 10, 20 and 50 mm count silence as off. A method can't look better by refusing.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.metrics.calibration import (
    coverage,
    nees,
    negative_log_likelihood,
    positive_definite,
    reliability_curve,
)
from mvmono3d.metrics.masked import masked_mean, masked_quantile
from mvmono3d.metrics.occlusion import auc, class_f1, confusion, macro_f1
from mvmono3d.metrics.position import (
    error_by_views,
    fraction_above,
    held_error,
    mpjpe,
    position_error,
    procrustes_align,
    root_relative_mpjpe,
)
from mvmono3d.metrics.recovery import VISIBLE_VIEWS, frames_unseen, recovery_frames
from mvmono3d.metrics.smoothness import acceleration_error, bone_length_variation, jerk

UNSEEN_BINS = ((0, 0), (1, 3), (4, 9), (10, 19), (20, 39), (40, 10**9))
"""Frames since two views or more truly saw a joint: first and last of each bin."""
_MM = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """All numbers of one reconstruction; `None` where the clip or the answer can't say."""

    answered: float
    mpjpe_mm: float | None
    """Over answered joints."""
    mpjpe_held_mm: float
    """Over all joints, with the last answer held."""
    median_mm: float | None
    p95_mm: float | None
    root_relative_mm: float | None
    procrustes_mm: float | None
    hidden_mm: float | None
    """Held error of joints that fewer than two views truly see."""
    above_10mm: float
    above_20mm: float
    above_50mm: float
    acceleration_error: float | None
    """m/s²"""
    jerk: float | None
    """m/s³"""
    bone_variation_mm: float | None
    recovery_p50: float | None
    """Frames, over the clip's occlusions."""
    recovery_p95: float | None
    stated: float | None
    """Share of answers whose covariance is positive definite: the numbers that follow look at those."""
    nll: float | None
    nees: float | None
    covered_50: float | None
    covered_68: float | None
    covered_90: float | None
    covered_95: float | None
    hidden_covered_90: float | None
    f1_visible: float | None
    f1_self: float | None
    f1_object: float | None
    f1_unknown: float | None
    macro_f1: float | None
    visible_auc: float | None
    reprojection_px: float | None
    """Median over detections of answered joints."""
    by_views_mm: tuple[float | None, ...] | None
    """Held error of joints that 0, 1, 2 … views truly see."""
    by_unseen_mm: tuple[float | None, ...] | None
    """Held error by `UNSEEN_BINS`."""
    reliability: tuple[tuple[float, float], ...] | None
    """(stated, observed) probabilities."""


SCALARS = tuple(
    field.name for field in fields(Score) if field.name not in ("by_views_mm", "by_unseen_mm", "reliability")
)


class LinedUp(NamedTuple):
    """An answer beside the truth, joint by joint. Metres."""

    points: np.ndarray
    covariance: np.ndarray
    truth: np.ndarray
    wanted: np.ndarray
    """There is a truth."""
    answered: np.ndarray
    """There is a truth and an answer."""
    error: np.ndarray
    held: np.ndarray
    """Error of a user who holds the last answer."""
    visible_views: np.ndarray | None


def score(reconstruction: Reconstruction, clip: Clip) -> Score:
    """Score a reconstruction (time joint); raises `InvalidRecordError` without truth or where axes differ."""
    both = line_up(reconstruction, clip)
    values = _positions(both, clip) | _smoothness(both, clip)
    values |= _hidden(both) | _uncertainty(both) | _states(reconstruction, clip)
    detected = np.asarray(clip.observations.detected)
    distance = np.asarray(reconstruction.reprojection_px)[detected & _answered(reconstruction)[:, None]]
    values["reprojection_px"] = float(np.median(distance)) if distance.size else None
    return Score(**values)


def line_up(reconstruction: Reconstruction, clip: Clip) -> LinedUp:
    """Put a reconstruction beside the clip's truth; raises `InvalidRecordError` where that can't be."""
    if clip.truth is None:
        raise InvalidRecordError("clip without truth: there is nothing to score against")
    points = np.asarray(reconstruction.trajectory.points_world, dtype=np.float64)
    truth = np.asarray(clip.truth.points_world, dtype=np.float64)
    if points.shape != truth.shape:
        raise InvalidRecordError(f"reconstruction {points.shape}, but the truth is {truth.shape}")
    wanted = np.asarray(clip.truth.source) != PointSource.MISSING
    answered = wanted & _answered(reconstruction)
    error = position_error(points, truth)
    visible = None
    if clip.occlusion is not None:
        visible = (np.asarray(clip.occlusion.state) == OcclusionState.VISIBLE) & np.asarray(
            clip.occlusion.labelled
        )
        visible = visible.sum(axis=-2)
    return LinedUp(
        points=points,
        covariance=np.asarray(reconstruction.trajectory.covariance_world, dtype=np.float64),
        truth=truth,
        wanted=wanted,
        answered=answered,
        error=error,
        held=held_error(error, points=points, truth=truth, answered=_answered(reconstruction), wanted=wanted),
        visible_views=visible,
    )


def _answered(reconstruction: Reconstruction) -> np.ndarray:
    return np.asarray(reconstruction.trajectory.source) != PointSource.MISSING


def _positions(both: LinedUp, clip: Clip) -> dict[str, Any]:
    points, truth, counts = both.points, both.truth, both.answered
    aligned = procrustes_align(points, truth, counts=counts)
    aligned_error = position_error(aligned.points, truth)
    root = clip.skeleton.root
    values: dict[str, Any] = {
        "answered": float(counts.sum() / max(both.wanted.sum(), 1)),
        "mpjpe_mm": _scaled(mpjpe(points, truth, counts=counts), counts),
        "mpjpe_held_mm": _MM * float(masked_mean(both.held, both.wanted)),
        "median_mm": _scaled(masked_quantile(both.error, counts, fraction=0.5), counts),
        "p95_mm": _scaled(masked_quantile(both.error, counts, fraction=0.95), counts),
        "root_relative_mm": _scaled(
            root_relative_mpjpe(points, truth, counts=counts, root=root), counts & counts[:, root, None]
        ),
        "procrustes_mm": _scaled(masked_mean(aligned_error, aligned.counts), aligned.counts),
    }
    for threshold in (10, 20, 50):
        above = fraction_above(both.error, wanted=both.wanted, answered=counts, threshold_m=threshold / _MM)
        values[f"above_{threshold}mm"] = float(above)
    return values


def _smoothness(both: LinedUp, clip: Clip) -> dict[str, Any]:
    time_ns = np.asarray(clip.observations.time_ns)
    rigid = [bone for bone, (_, child) in enumerate(clip.skeleton.bones) if not clip.skeleton.flexible[child]]
    ends = np.array(clip.skeleton.bones, dtype=np.int64).reshape(-1, 2)[rigid]
    counts = both.answered
    lengths = np.asarray(bone_lengths(both.points, clip.skeleton))[:, rigid]
    both_ends = counts[:, ends[:, 0]] & counts[:, ends[:, 1]]
    lasting = counts[2:] & counts[1:-1] & counts[:-2]
    return {
        "acceleration_error": _value(
            acceleration_error(both.points, both.truth, time_ns, counts=counts), lasting
        ),
        "jerk": _value(jerk(both.points, time_ns, counts=counts), lasting[1:] & lasting[:-1]),
        "bone_variation_mm": _scaled(bone_length_variation(lengths, counts=both_ends), both_ends),
    }


def _hidden(both: LinedUp) -> dict[str, Any]:
    names = ("hidden_mm", "by_views_mm", "by_unseen_mm", "recovery_p50", "recovery_p95")
    if both.visible_views is None:
        return dict.fromkeys(names)
    hidden = both.wanted & (both.visible_views < VISIBLE_VIEWS)
    views = int(both.visible_views.max(initial=0))
    groups = error_by_views(both.held, both.visible_views, counts=both.wanted, views=views)
    unseen = frames_unseen(both.visible_views)
    bins = [both.wanted & (unseen >= first) & (unseen <= last) for first, last in UNSEEN_BINS]
    frames = recovery_frames(both.error, both.visible_views, counts=both.answered).frames
    return {
        "hidden_mm": _scaled(masked_mean(both.held, hidden), hidden),
        "by_views_mm": tuple(
            _MM * float(error) if joints else None for error, joints in zip(*groups, strict=True)
        ),
        "by_unseen_mm": tuple(_scaled(masked_mean(both.held, mask), mask) for mask in bins),
        "recovery_p50": float(np.quantile(frames, 0.5)) if len(frames) else None,
        "recovery_p95": float(np.quantile(frames, 0.95)) if len(frames) else None,
    }


def _uncertainty(both: LinedUp) -> dict[str, Any]:
    difference = both.points - both.truth
    counts = both.answered & positive_definite(both.covariance)
    at = coverage(difference, both.covariance, counts=counts).observed
    values: dict[str, Any] = {
        name: _value(share, counts)
        for name, share in zip(("covered_50", "covered_68", "covered_90", "covered_95"), at, strict=True)
    }
    hidden = counts & (False if both.visible_views is None else both.visible_views < VISIBLE_VIEWS)
    curve = reliability_curve(difference, both.covariance, counts=counts)
    pairs = zip(curve.stated.tolist(), curve.observed.tolist(), strict=True)
    at_90 = coverage(difference, both.covariance, counts=hidden, levels=(0.9,)).observed[0]
    return values | {
        "stated": float(counts.sum() / both.answered.sum()) if both.answered.any() else None,
        "nll": _value(negative_log_likelihood(difference, both.covariance, counts=counts), counts),
        "nees": _value(nees(difference, both.covariance, counts=counts), counts),
        "hidden_covered_90": _value(at_90, hidden),
        "reliability": tuple(pairs) if counts.any() else None,
    }


def _states(reconstruction: Reconstruction, clip: Clip) -> dict[str, Any]:
    names = ("f1_visible", "f1_self", "f1_object", "f1_unknown")
    if clip.occlusion is None:
        return dict.fromkeys((*names, "macro_f1", "visible_auc"))
    probabilities = np.asarray(reconstruction.occlusion)
    true, labelled = np.asarray(clip.occlusion.state), np.asarray(clip.occlusion.labelled)
    counts = confusion(np.argmax(probabilities, axis=-1), true, labelled=labelled)
    scores = class_f1(counts)
    f1 = [float(value) if occurs else None for value, occurs in zip(*scores, strict=True)]
    visible = probabilities[..., OcclusionState.VISIBLE]
    area = auc(visible, true == OcclusionState.VISIBLE, labelled=labelled)
    return dict(zip(names, f1, strict=True)) | {
        "macro_f1": _value(macro_f1(counts), labelled),
        "visible_auc": _value(area, labelled),
    }


def _value(value: object, counts: np.ndarray) -> float | None:
    return float(np.asarray(value)) if counts.any() else None


def _scaled(value: object, counts: np.ndarray) -> float | None:
    return _MM * float(np.asarray(value)) if counts.any() else None
