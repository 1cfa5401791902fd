"""What one method did on one disturbed clip: sums that add up over clips, so that means pool honestly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.record import Record
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.errors import InvalidRecordError
from mvmono3d.evaluation.score import UNSEEN_BINS, LinedUp, line_up
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.metrics.calibration import LEVELS, coverage, positive_definite
from mvmono3d.metrics.never_worse import excess_by_agreement, lost_ground
from mvmono3d.metrics.occlusion import confusion
from mvmono3d.metrics.recovery import VISIBLE_VIEWS, frames_unseen, recovery_frames
from mvmono3d.metrics.smoothness import bone_length_variation, time_derivative

RELIABILITY_LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))
MOST_VIEWS = 4
"""Joints that so many views or more see, or agree on, are one group."""
LATE_FRAMES = 10
HORIZON = 60
"""Frames within which a joint has to recover."""
_MM = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Which errors are small and which are large for this actor."""

    near_m: float
    far_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures(Record):
    """Each field holds (total, count) per group, unless it says otherwise. Lengths in mm."""

    error: Float[np.ndarray, "*take 1 2"]
    """Of answers."""
    held: Float[np.ndarray, "*take 1 2"]
    """With the last answer held where there is none."""
    hidden: Float[np.ndarray, "*take 1 2"]
    """Held error of joints that fewer than two views truly see."""
    by_views: Float[np.ndarray, "*take group 2"]
    """Held error by truly visible views: 0, 1, 2, 3, 4 or more."""
    by_unseen: Float[np.ndarray, "*take bin 2"]
    """Held error by frames since two views or more truly saw the joint (`UNSEEN_BINS`), if they ever did."""
    unseen_square: Float[np.ndarray, "*take bin 2"]
    """Squared error of answers that state a covariance …"""
    unseen_variance: Float[np.ndarray, "*take bin 2"]
    """… and the trace of that covariance: equal where it is honest."""
    unseen_lost: Float[np.ndarray, "*take bin 2"]
    lost: Float[np.ndarray, "*take 1 2"]
    """No answer, and it says so."""
    off_near: Float[np.ndarray, "*take 1 2"]
    """An answer farther off than the small tolerance."""
    off_far: Float[np.ndarray, "*take 1 2"]
    covered: Float[np.ndarray, "*take level 2"]
    """Truths inside the stated region of each of `LEVELS`."""
    covered_hidden: Float[np.ndarray, "*take level 2"]
    covered_late: Float[np.ndarray, "*take level 2"]
    """After `LATE_FRAMES` unseen frames or more."""
    reliability: Float[np.ndarray, "*take step 2"]
    """The same at `RELIABILITY_LEVELS`."""
    reliability_hidden: Float[np.ndarray, "*take step 2"]
    acceleration: Float[np.ndarray, "*take 1 2"]
    """Acceleration error, m/s²."""
    bone_variation: Float[np.ndarray, "*take 1 2"]
    """Count is 1: a mean over clips."""
    recovery: Float[np.ndarray, "*take frame"]
    """How many occlusions ended so many frames before the error was below the large tolerance."""
    false_visible: Float[np.ndarray, "*take 1 2"]
    """Joints hidden by the actor or an object that are called visible."""
    occluded: Float[np.ndarray, "*take 3"]
    """True positives, false positives, false negatives of "occluded", among visible and occluded joints."""
    confusion: Float[np.ndarray, "*take true told"]
    excess: Float[np.ndarray, "*take group 2"]
    """Error minus robust triangulation's, by views that agree for it: 0, 1, 2, 3, 4 or more."""
    lost_ground: Float[np.ndarray, "*take 1 2"]
    """Joints off by more than the large tolerance where robust triangulation is within the small one."""
    time_ms: Float[np.ndarray, "*take 1 2"]
    """CPU time; count is frame sets."""


def measure(
    reconstruction: Reconstruction,
    clip: Clip,
    *,
    robust: Reconstruction,
    tolerance: Tolerance,
    seconds: float = 0.0,
) -> Measures:
    """Measure an answer against a clip with truth and labels; raises `InvalidRecordError` without them."""
    both = line_up(reconstruction, clip)
    if both.visible_views is None:
        raise InvalidRecordError("clip without occlusion labels: nobody can say which joints were hidden")
    visible, wanted = both.visible_views, both.wanted
    unseen, hidden = frames_unseen(visible), visible < VISIBLE_VIEWS
    # A joint that was hidden from the first frame on was never seen: it has no time since.
    seen_once = np.logical_or.accumulate(~hidden, axis=0)
    late = seen_once & (unseen >= LATE_FRAMES)
    bins = [seen_once & (unseen >= first) & (unseen <= last) for first, last in UNSEEN_BINS]
    stated = both.answered & np.asarray(positive_definite(both.covariance))
    square, trace = _MM**2 * both.error**2, _MM**2 * np.trace(both.covariance, axis1=-2, axis2=-1)
    return Measures(
        error=_tally(_MM * both.error, both.answered),
        held=_tally(_MM * both.held, wanted),
        hidden=_tally(_MM * both.held, wanted & hidden),
        by_views=_groups(_MM * both.held, wanted, masks=_by_number(visible)),
        by_unseen=_groups(_MM * both.held, wanted, masks=bins),
        unseen_square=_groups(square, stated, masks=bins),
        unseen_variance=_groups(trace, stated, masks=bins),
        unseen_lost=_groups(1.0 * ~both.answered, wanted, masks=bins),
        lost=_tally(1.0 * ~both.answered, wanted),
        off_near=_tally(1.0 * (both.answered & (both.error > tolerance.near_m)), wanted),
        off_far=_tally(1.0 * (both.answered & (both.error > tolerance.far_m)), wanted),
        covered=_covered(both, stated, LEVELS),
        covered_hidden=_covered(both, stated & hidden, LEVELS),
        covered_late=_covered(both, stated & late, LEVELS),
        reliability=_covered(both, stated, RELIABILITY_LEVELS),
        reliability_hidden=_covered(both, stated & hidden, RELIABILITY_LEVELS),
        acceleration=_acceleration(both, clip),
        bone_variation=_bones(both, clip),
        recovery=_recovery(both, tolerance),
        false_visible=_false_visible(reconstruction, clip),
        occluded=_occluded(reconstruction, clip),
        confusion=_confusion(reconstruction, clip),
        excess=_excess(both, robust, clip),
        lost_ground=_lost_ground(both, robust, clip, tolerance),
        time_ms=np.array([[_MM * seconds, len(both.error)]], dtype=np.float64),
    )


def pool(measures: Sequence[Measures]) -> Measures:
    """Add up; raises `InvalidRecordError` without any."""
    return Measures.stack(measures).map(lambda array: array.sum(axis=0))


def _tally(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return _groups(values, counts, masks=[np.ones(counts.shape, dtype=bool)])


def _groups(values: np.ndarray, counts: np.ndarray, *, masks: Sequence[np.ndarray]) -> np.ndarray:
    return np.array(
        [[values[counts & mask].sum(), (counts & mask).sum()] for mask in masks], dtype=np.float64
    )


def _by_number(numbers: np.ndarray) -> list[np.ndarray]:
    group = np.minimum(numbers, MOST_VIEWS)
    return [group == number for number in range(MOST_VIEWS + 1)]


def _covered(both: LinedUp, counts: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    share = coverage(both.points - both.truth, both.covariance, counts=counts, levels=levels).observed
    number = float(counts.sum())
    return np.stack([np.asarray(share) * number, np.full(len(levels), number)], axis=-1)


def _acceleration(both: LinedUp, clip: Clip) -> np.ndarray:
    time_ns = np.asarray(clip.observations.time_ns)
    if len(time_ns) < 3:
        return np.zeros((1, 2))
    error = time_derivative(both.points - both.truth, time_ns, counts=both.answered, order=2)
    return _tally(np.linalg.norm(error.value, axis=-1), np.asarray(error.counts))


def _bones(both: LinedUp, clip: Clip) -> np.ndarray:
    rigid = [bone for bone, (_, child) in enumerate(clip.skeleton.bones) if not clip.skeleton.flexible[child]]
    ends = np.array(clip.skeleton.bones, dtype=np.int64).reshape(-1, 2)[rigid]
    lengths = np.asarray(bone_lengths(both.points, clip.skeleton))[:, rigid]
    both_ends = both.answered[:, ends[:, 0]] & both.answered[:, ends[:, 1]]
    known = bool((both_ends.sum(axis=0) >= 2).any())
    return np.array([[_MM * float(bone_length_variation(lengths, counts=both_ends)) * known, 1.0 * known]])


def _recovery(both: LinedUp, tolerance: Tolerance) -> np.ndarray:
    visible = np.zeros_like(both.wanted, dtype=np.int64) if both.visible_views is None else both.visible_views
    found = recovery_frames(
        both.error,
        visible,
        counts=both.answered,
        horizon=HORIZON,
        level_m=tolerance.far_m,
        wanted=both.wanted,
    )
    return np.bincount(found.frames, minlength=HORIZON + 1).astype(np.float64)


def _states(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    if clip.occlusion is None:
        raise InvalidRecordError("clip without occlusion labels")
    return np.asarray(clip.occlusion.state), np.asarray(clip.occlusion.labelled)


def _called_visible(reconstruction: Reconstruction) -> np.ndarray:
    return np.asarray(reconstruction.occlusion)[..., OcclusionState.VISIBLE] > 0.5


def _false_visible(reconstruction: Reconstruction, clip: Clip) -> np.ndarray:
    state, labelled = _states(clip)
    occluded = labelled & ((state == OcclusionState.SELF) | (state == OcclusionState.OBJECT))
    return _tally(1.0 * _called_visible(reconstruction), occluded)


def _occluded(reconstruction: Reconstruction, clip: Clip) -> np.ndarray:
    state, labelled = _states(clip)
    told, judged = ~_called_visible(reconstruction), labelled & (state != OcclusionState.UNKNOWN)
    true = state != OcclusionState.VISIBLE
    cells = (told & true, told & ~true, ~told & true)
    return np.array([(judged & cell).sum() for cell in cells], dtype=np.float64)


def _confusion(reconstruction: Reconstruction, clip: Clip) -> np.ndarray:
    state, labelled = _states(clip)
    told = np.argmax(np.asarray(reconstruction.occlusion), axis=-1)
    return np.asarray(confusion(told, state, labelled=labelled), dtype=np.float64)


def _excess(both: LinedUp, robust: Reconstruction, clip: Clip) -> np.ndarray:
    baseline = line_up(robust, clip)
    agreeing = (np.asarray(robust.weights) > 0).sum(axis=1)
    found = excess_by_agreement(
        both.error,
        baseline.error,
        agreeing=agreeing,
        counts=both.answered & baseline.answered,
        most=MOST_VIEWS,
    )
    return np.stack([_MM * np.asarray(found.total_m), np.asarray(found.joints, dtype=np.float64)], axis=-1)


def _lost_ground(both: LinedUp, robust: Reconstruction, clip: Clip, tolerance: Tolerance) -> np.ndarray:
    baseline = line_up(robust, clip)
    worse = lost_ground(both.error, baseline.error, far_m=tolerance.far_m, near_m=tolerance.near_m)
    return _tally(1.0 * np.asarray(worse), both.answered & baseline.answered)
