"""Score a reconstruction of a recording without truth: by its own pixels, bones and steadiness."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.metrics.smoothness import bone_length_variation, jerk
from mvmono3d.pipeline.leave_one_out import leave_one_view_out

_FEWEST_VIEWS = 3
"""With fewer, leaving one out leaves nothing to triangulate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldScore:
    """What a recording alone says about a reconstruction; `None` where it can't."""

    answered: float
    measured: float
    reprojection_px: float | None
    """Median; small for a method that bends joints to wrong pixels too."""
    left_out_px: float | None
    """Median distance from a detection to the joint reconstructed without its view: the honest one."""
    left_out_p90_px: float | None
    predicted: float | None
    """Share of detections that the other views could predict."""
    bone_variation_mm: float | None
    jerk: float | None
    """m/s³"""


FIELD_SCALARS = tuple(field.name for field in fields(FieldScore))


def score_field(
    observations: Observations,
    rig: Rig,
    *,
    skeleton: Skeleton,
    reconstruct: Callable[[Observations], Reconstruction],
) -> FieldScore:
    """Reconstruct a recording, and once more without each of its views, and measure both."""
    result = reconstruct(observations)
    points = np.asarray(result.trajectory.points_world, dtype=np.float64)
    source = np.asarray(result.trajectory.source)
    answered, detected = source != PointSource.MISSING, np.asarray(observations.detected)
    distance = np.asarray(result.reprojection_px)[detected & answered[:, None]]
    left_out = predicted = None
    if len(rig.names) >= _FEWEST_VIEWS and detected.any():
        outcome = leave_one_view_out(observations, rig, reconstruct=reconstruct)
        left_out = outcome.error_px[outcome.predicted]
        predicted = float(outcome.predicted.sum() / detected.sum())
    rigid = [bone for bone, (_, child) in enumerate(skeleton.bones) if not skeleton.flexible[child]]
    ends = np.array(skeleton.bones, dtype=np.int64).reshape(-1, 2)[rigid]
    both_ends = answered[:, ends[:, 0]] & answered[:, ends[:, 1]]
    variation = bone_length_variation(np.asarray(bone_lengths(points, skeleton))[:, rigid], counts=both_ends)
    shaking = jerk(points, np.asarray(observations.time_ns), counts=answered)
    return FieldScore(
        answered=float(answered.mean()),
        measured=float((source == PointSource.MEASURED).mean()),
        reprojection_px=_quantile(distance, 0.5),
        left_out_px=_quantile(left_out, 0.5),
        left_out_p90_px=_quantile(left_out, 0.9),
        predicted=predicted,
        bone_variation_mm=1e3 * float(variation) if both_ends.any() else None,
        jerk=float(shaking) if len(points) > 3 and answered.any() else None,
    )


def _quantile(values: np.ndarray | None, fraction: float) -> float | None:
    return float(np.quantile(values, fraction)) if values is not None and values.size else None
