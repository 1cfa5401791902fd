"""What an animation shows of truth and methods: joints over time, which of them are seen, what they state."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource, Reconstruction, Trajectory
from mvmono3d.evaluation.score import line_up
from mvmono3d.metrics.recovery import VISIBLE_VIEWS

TRUTH = "truth"
_MM = 1e3
_MARGIN = 1.06
_SMOOTH_FRAMES = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One panel."""

    name: str
    points_world: Float[np.ndarray, "time joint 3"]
    present: Bool[np.ndarray, "time joint"]
    seen: Bool[np.ndarray, "time joint"]
    """Truth: two views or more see it; a method: it rests on pixels of its own frame."""
    covariance_world: Float[np.ndarray, "time joint 3 3"]
    curve_mm: Float[np.ndarray, " time"] | None
    """Mean held error, or without truth the root mean square of the stated sigma; the truth has neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """What all panels look at: a cube of that half side that follows the actor."""

    centre_world: Float[np.ndarray, "time 3"]
    half_m: float


def shots_of(clip: Clip, reconstructions: Mapping[str, Reconstruction]) -> tuple[Shot, ...]:
    """Return the truth's shot, where there is one, and those of the methods by name."""
    truth = [] if clip.truth is None else [_truth(clip, clip.truth)]
    return (*truth, *(_method(name, each, clip) for name, each in reconstructions.items()))


def framing_of(shot: Shot) -> Framing:
    """Follow a shot's joints smoothly, wide enough for nearly all of them in every frame."""
    weight = shot.present[..., None].astype(np.float64)
    total = weight.sum(axis=1)
    known = total[:, 0] > 0
    centre = (weight * shot.points_world).sum(axis=1) / np.maximum(total, 1.0)
    if not known.any():
        return Framing(centre_world=np.zeros_like(centre), half_m=1.0)
    frames = np.arange(len(centre))
    held = np.stack([np.interp(frames, frames[known], axis[known]) for axis in centre.T], axis=-1)
    smooth = gaussian_filter1d(held, _SMOOTH_FRAMES, axis=0, mode="nearest")
    reach = np.linalg.norm(shot.points_world - smooth[:, None], axis=-1)[shot.present]
    return Framing(centre_world=smooth, half_m=_MARGIN * max(float(np.quantile(reach, 0.995)), 1e-3))


def hidden_share(clip: Clip) -> Float[np.ndarray, " time"] | None:
    """Return which share of the joints fewer than two views truly see; None without labels."""
    visible = _visible_views(clip)
    return None if visible is None else (visible < VISIBLE_VIEWS).mean(axis=1)


def _truth(clip: Clip, truth: Trajectory) -> Shot:
    present = np.asarray(truth.source) != PointSource.MISSING
    visible = _visible_views(clip)
    points = np.asarray(truth.points_world, dtype=np.float64)
    return Shot(
        name=TRUTH,
        points_world=points,
        present=present,
        seen=present if visible is None else present & (visible >= VISIBLE_VIEWS),
        covariance_world=np.zeros((*points.shape, 3)),
        curve_mm=None,
    )


def _method(name: str, reconstruction: Reconstruction, clip: Clip) -> Shot:
    trajectory = reconstruction.trajectory
    source = np.asarray(trajectory.source)
    covariance = np.asarray(trajectory.covariance_world, dtype=np.float64)
    return Shot(
        name=name,
        points_world=np.asarray(trajectory.points_world, dtype=np.float64),
        present=source != PointSource.MISSING,
        seen=source == PointSource.MEASURED,
        covariance_world=covariance,
        curve_mm=_curve(reconstruction, clip, covariance, source != PointSource.MISSING),
    )


def _curve(
    reconstruction: Reconstruction, clip: Clip, covariance: np.ndarray, present: np.ndarray
) -> np.ndarray:
    if clip.truth is None:
        variance = np.where(present, np.trace(covariance, axis1=-2, axis2=-1), 0.0).sum(axis=1)
        return _MM * np.sqrt(variance / np.maximum(present.sum(axis=1), 1))
    both = line_up(reconstruction, clip)
    return _MM * np.where(both.wanted, both.held, 0.0).sum(axis=1) / np.maximum(both.wanted.sum(axis=1), 1)


def _visible_views(clip: Clip) -> np.ndarray | None:
    if clip.occlusion is None:
        return None
    state = np.asarray(clip.occlusion.state)
    return ((state == OcclusionState.VISIBLE) & np.asarray(clip.occlusion.labelled)).sum(axis=1)
