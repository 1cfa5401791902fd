"""Score every method's answer alike, with the product's own metrics."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.core.trajectory import Decision, MissingReason, PointSource, Reconstruction, Trajectory
from mvmono3d.evaluation.score import score
from mvmono3d.geometry.projection import project

RESAMPLES = 2000
METRICS = (
    "mpjpe_held_mm",
    "mpjpe_mm",
    "answered",
    "hidden_mm",
    "median_mm",
    "above_10mm",
    "acceleration_error",
    "bone_variation_mm",
    "recovery_p50",
    "recovery_p95",
    "ms_per_frame",
    "core_ms_per_frame",
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one method scored on one scene: metric → value; None where the scene can't say."""

    method: str
    world: str
    scene: int
    values: dict


def reconstruction_of(answer, clip):
    """Return an answer as the metrics take it: points alone, without covariance or evidence."""
    frames, views, joints = clip.observations.detected.shape
    here = (frames, joints)
    return Reconstruction(
        trajectory=Trajectory(
            points_world=np.where(answer.answered[..., None], answer.points, 0.0),
            covariance_world=np.zeros((*here, 3, 3)),
            source=np.where(answer.answered, PointSource.MEASURED, PointSource.MISSING).astype(np.int64),
            time_ns=np.asarray(clip.observations.time_ns),
        ),
        decided_by=np.full(here, Decision.CONSENSUS, dtype=np.int64),
        reason=np.where(answer.answered, MissingReason.NONE, MissingReason.CONTRADICTION).astype(np.int64),
        weights=np.zeros((frames, views, joints)),
        occlusion=np.full((frames, views, joints, 4), 0.25),
        reprojection_px=np.zeros((frames, views, joints)),
    )


def score_answer(answer, clip):
    """Return the metrics of an answer on a clip with truth."""
    found = score(reconstruction_of(answer, clip), clip)
    frames = len(clip.observations.time_ns)
    values = {name: getattr(found, name) for name in METRICS if hasattr(found, name)}
    values["ms_per_frame"] = 1e3 * answer.cpu_s / frames
    values["core_ms_per_frame"] = 1e3 * answer.core_cpu_s / frames
    return values


def left_out_px(answers, clip):
    """Return distances (px) from a view's detections to the joints found without it, and the share found."""
    distances, wanted, found = [], 0, 0
    for view, answer in enumerate(answers):
        seen = project(
            answer.points,
            lens=clip.rig.camera.lens[view : view + 1],
            camera_from_world=clip.rig.camera_from_world[view : view + 1],
        )
        detected = np.asarray(clip.observations.detected)[:, view]
        both = detected & answer.answered & seen.in_front[:, 0]
        apart = np.linalg.norm(seen.pixels[:, 0] - clip.observations.pixels[:, view], axis=-1)
        distances.append(apart[both])
        wanted, found = wanted + int(detected.sum()), found + int(both.sum())
    return np.concatenate(distances), found / max(wanted, 1)


def mean_of(results, metric):
    """Return the mean over scenes that can say; None where none can."""
    known = [each.values[metric] for each in results if each.values[metric] is not None]
    return float(np.mean(known)) if known else None


def ratio_interval(ours, theirs, metric, *, seed=0):
    """Return (ratio of means ours / theirs, low, high): 95 % of bootstrap resamples of the scenes."""
    pairs = [
        (one.values[metric], other.values[metric])
        for one, other in zip(ours, theirs, strict=True)
        if one.values[metric] is not None and other.values[metric] is not None
    ]
    if not pairs:
        return None
    values = np.array(pairs, dtype=np.float64)
    if values[:, 1].mean() <= 0:
        return None
    drawn = np.random.default_rng(seed).integers(0, len(values), size=(RESAMPLES, len(values)))
    means = values[drawn].mean(axis=1)
    ratios = means[:, 0] / np.maximum(means[:, 1], 1e-12)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(values[:, 0].mean() / values[:, 1].mean()), float(low), float(high)
