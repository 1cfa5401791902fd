"""Is this calibration still true? One judgement, from the evidence of a span of detections."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.special import chdtri

from mvmono3d.calibration.guard_baseline import Baseline, support
from mvmono3d.calibration.guard_evidence import POSE, Evidence
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_statistics import (
    Motion,
    equations,
    explained_px,
    motion_of,
    plainest,
    significances,
)
from mvmono3d.core.array import Array
from mvmono3d.core.rig import Rig

_LEAST_ASKED = 100
"""Detections that others could confirm, below which a camera's share says nothing."""
_LEAST_JOINTS = 50
_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A camera that doesn't stand where the rig says."""

    camera: str
    significance: float
    """χ² with 6 degrees; infinite where the camera's detections don't agree with the others at all."""
    support: float
    """Share of its detections that agree with the others."""
    motion: Float[Array, "6"]
    """Turn (rad) and shift (m) behind its pose; 0 where it is too far off to be linear."""
    covariance: Float[Array, "6 6"]
    effect_px: float
    """How much moving it takes off the residuals of its detections (RMS)."""
    certain: bool
    """Whether that is more than the tolerance; otherwise it is only suspected."""
    rivals: tuple[str, ...] = ()
    """Cameras that explain the evidence almost as well: it may be one of these."""

    @property
    def turn_deg(self) -> float:
        """Angle by which the camera turned."""
        return float(np.degrees(np.linalg.norm(self.motion[:3])))

    @property
    def shift_mm(self) -> float:
        """Distance by which it shifted."""
        return float(1e3 * np.linalg.norm(self.motion[3:]))

    @property
    def turn_sigma_deg(self) -> float:
        """Standard deviation of the turn, per axis (RMS)."""
        return float(np.degrees(np.sqrt(np.trace(self.covariance[:3, :3]) / 3.0)))

    @property
    def shift_sigma_mm(self) -> float:
        """Standard deviation of the shift, per axis (RMS)."""
        return float(1e3 * np.sqrt(np.trace(self.covariance[3:, 3:]) / 3.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a span of detections says about a rig."""

    known: bool
    """False where there were too few joints to say anything."""
    agreeing: bool
    """False where cameras agree on so few joints that nothing can be named."""
    moved: tuple[Moved, ...]
    """The first is the one that explains most."""
    significance: Float[Array, " view"]
    """Of moving each camera alone."""
    threshold: float
    support: Float[Array, " view"]
    complete: bool
    """False where more cameras may have moved than can be told apart."""

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against the rig for certain."""
        return self.agreeing and not any(one.certain for one in self.moved)

    @property
    def named(self) -> bool:
        """Whether the cameras that moved are told from all others."""
        return self.agreeing and self.complete and not any(one.rivals for one in self.moved)


def live_threshold(settings: GuardSettings, *, views: int) -> float:
    """Return the χ² that chance exceeds as often as the settings allow, over all judgements and cameras."""
    judgements = _SECONDS_PER_DAY / settings.step_s * views
    return float(chdtri(POSE, settings.false_alarms_per_day / judgements))


def judge(
    evidence: Evidence, rig: Rig, *, baseline: Baseline, settings: GuardSettings, threshold: float
) -> Verdict:
    """Say whether the rig is true: name the cameras that moved, the one that explains most first.

    A camera is named where moving it explains the evidence beyond `threshold`, or where its detections
    stopped agreeing with the others. Of V cameras no more than V - 2 are named: with fewer left there is
    nothing to be right or wrong against.

    Args:
        evidence: Of unit noise, see `white_evidence`.
        rig: The calibration under test.
        baseline: What is known of the detections.
        settings: Tolerances.
        threshold: χ² with 6 degrees, see `live_threshold`.
    """
    share, names = support(evidence), rig.names
    counted = bool(evidence.joints[0] >= _LEAST_JOINTS)
    agreeing = bool(evidence.joints[1] >= settings.least_consensus * evidence.joints[0])
    left = equations(evidence, baseline.biases)
    sigma = np.asarray(rig.pose_sigma, dtype=np.float64) * (not baseline.learned)
    first = significances(left, pose_sigma=sigma) / baseline.inflation
    free = _not_agreeing(evidence, baseline, settings)
    most = max(1, len(names) - 2)
    moved = [_lost(names[view], float(share[view])) for view in free]
    while len(free) < most:
        found = significances(left, pose_sigma=sigma, free=tuple(free)) / baseline.inflation
        view = int(np.argmax(found))
        motion = motion_of(left, view, pose_sigma=sigma, free=tuple(free))
        motion = plainest(Motion(motion.values, motion.covariance * baseline.inflation))
        one = told(motion, view, evidence, rig=rig, baseline=baseline, settings=settings)
        if found[view] <= threshold or (baseline.learned and not one.certain):
            break
        near = np.flatnonzero(found > found[view] - settings.rival_margin)
        rivals = tuple(names[other] for other in near if other != view and other not in free)
        moved.append(replace(one, significance=float(found[view]), rivals=rivals))
        free.append(view)
        if rivals:
            break
    return Verdict(
        known=counted,
        agreeing=agreeing or not counted,
        moved=tuple(moved) if counted else (),
        significance=first,
        threshold=threshold,
        support=share,
        complete=len(free) < most or most == 1,
    )


def told(
    motion: Motion,
    view: int,
    evidence: Evidence,
    *,
    rig: Rig,
    baseline: Baseline,
    settings: GuardSettings,
) -> Moved:
    """Return what is to be said of a camera's motion, but for its significance."""
    effect = explained_px(evidence, view)
    diagonal = float(np.linalg.norm(rig.camera.size_px[view]))
    unlearned = settings.tolerance_share * diagonal if settings.refuse_px is None else settings.refuse_px
    least = settings.tolerance_px if baseline.learned else unlearned
    return Moved(
        camera=rig.names[view],
        significance=0.0,
        support=float(support(evidence)[view]),
        motion=motion.values,
        covariance=motion.covariance,
        effect_px=effect,
        certain=effect > least,
    )


def _not_agreeing(evidence: Evidence, baseline: Baseline, settings: GuardSettings) -> list[int]:
    share = support(evidence)
    usual = baseline.support if baseline.learned else np.ones_like(share)
    asked = np.asarray(evidence.asked) >= _LEAST_ASKED
    low = asked & (share < settings.least_support * usual)
    return sorted((int(view) for view in np.flatnonzero(low)), key=lambda view: share[view])


def _lost(camera: str, share: float) -> Moved:
    return Moved(
        camera=camera,
        significance=float("inf"),
        support=share,
        motion=np.zeros(POSE),
        covariance=np.zeros((POSE, POSE)),
        effect_px=float("inf"),
        certain=True,
    )
