"""The rig as it stands now: the poses of cameras that moved, estimated anew from detections."""

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import cv2
import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.guard_baseline import Baseline, gather_steps, white_evidence
from mvmono3d.calibration.guard_evidence import POSE, Evidence
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_statistics import Motion, equations, motion_of, plainest
from mvmono3d.calibration.guard_verdict import Moved, Verdict, told
from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import undistort
from mvmono3d.geometry.rigid import (
    compose,
    invert,
    rotation_from_vector,
    transform_from,
    vector_from_rotation,
)
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings

_ROUNDS = 8
_SETTLED = 1e-7
_LEAST_POINTS = 30
_GATE = 4.0
"""Sigmas within which a detection takes part in placing a camera that was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A proposal, to be trusted less than a calibration with a board."""

    rig: Rig
    moved: tuple[Moved, ...]
    """The cameras with what they moved by, now also where that was far."""


def repair(observations: Observations, rig: Rig, verdict: Verdict, *, baseline: Baseline) -> Repair:
    """Return the rig with the named cameras placed where the detections say; all others stay.

    Raises `InvalidRecordError` where fewer than two cameras stay, or a lost camera shares too little with
    them.
    """
    names = tuple(one.camera for one in verdict.moved)
    free = tuple(rig.names.index(name) for name in names)
    if len(rig.names) - len(free) < 2:
        raise InvalidRecordError(
            f"{len(free)} of {len(rig.names)} cameras moved ({', '.join(names)}): two must have stayed to "
            "place the others; calibrate anew with a board"
        )
    sigma_px = baseline.sigma_px
    placed = rig
    for one, view in zip(verdict.moved, free, strict=True):
        if not np.isfinite(one.significance):
            placed = _with_pose(
                placed, view, _resection(observations, rig, view, free=free, sigma_px=sigma_px)
            )
    placed = _refined(observations, placed, free, baseline=baseline)
    evidence = _evidence(observations, placed, baseline)
    moved = []
    for one, view in zip(verdict.moved, free, strict=True):
        motion = plainest(_total(evidence, placed, rig, view, free=free, baseline=baseline))
        placed = _with_pose(placed, view, compose(_transform(motion.values), rig.camera_from_world[view]))
        placed = _with_sigma(placed, view, motion.covariance)
        new = told(motion, view, evidence, rig=rig, baseline=baseline, settings=GuardSettings())
        moved.append(replace(new, significance=one.significance, support=one.support, certain=one.certain))
    return Repair(rig=_noted(placed, moved), moved=tuple(moved))


def _evidence(observations: Observations, rig: Rig, baseline: Baseline) -> Evidence:
    steps = gather_steps(observations, rig, GuardSettings(), sigma_px=baseline.sigma_px)
    return reduce(add, [white_evidence(step, baseline) for step in steps])


def _resection(
    observations: Observations, rig: Rig, view: int, *, free: tuple[int, ...], sigma_px: float
) -> Float[Array, "3 4"]:
    """Place a lost camera before the points that the cameras which stayed agree on (Lepetit et al. 2009)."""
    stayed = [other for other in range(len(rig.names)) if other not in free]
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    robust = triangulate_robust_bulk(
        np.asarray(observations.pixels[:, stayed], dtype=np.float64),
        np.asarray(observations.confidence[:, stayed], dtype=np.float64),
        np.asarray(observations.detected[:, stayed]),
        lens=lens[stayed],
        camera_from_world=np.asarray(rig.camera_from_world[stayed], dtype=np.float64),
        settings=RobustSettings(sigma_px=sigma_px),
    )
    least = min(3, len(stayed))
    known = (np.asarray(robust.agreeing) >= least) & np.asarray(observations.detected[:, view])
    points = np.asarray(robust.points_world)[known]
    if len(points) < _LEAST_POINTS:
        raise InvalidRecordError(
            f"camera {rig.names[view]!r}: {len(points)} joints shared with the cameras that stayed, expected "
            f"at least {_LEAST_POINTS}"
        )
    pixels = np.asarray(observations.pixels[:, view], dtype=np.float64)[known]
    at = undistort(pixels[None], lens[view][None])[0]
    cv2.setRNGSeed(0)
    ok, turn, shift, _ = cv2.solvePnPRansac(
        points,
        at,
        np.eye(3),
        np.zeros(5),
        reprojectionError=_GATE * sigma_px / float(lens[view, :2].mean()),
        iterationsCount=500,
    )
    if not ok:
        raise InvalidRecordError(f"camera {rig.names[view]!r}: no pose explains what it sees; calibrate anew")
    return np.concatenate([cv2.Rodrigues(turn)[0], shift.reshape(3, 1)], axis=1)


def _refined(observations: Observations, rig: Rig, free: tuple[int, ...], *, baseline: Baseline) -> Rig:
    for _ in range(_ROUNDS):
        evidence = _evidence(observations, rig, baseline)
        motions = [_motion(evidence, rig, view, free=free, baseline=baseline) for view in free]
        for view, motion in zip(free, motions, strict=True):
            rig = _with_pose(rig, view, compose(_transform(motion.values), rig.camera_from_world[view]))
        if max(float(np.abs(motion.values).max()) for motion in motions) < _SETTLED:
            break
    return rig


def _motion(evidence: Evidence, rig: Rig, view: int, *, free: tuple[int, ...], baseline: Baseline) -> Motion:
    left = equations(evidence, baseline.biases)
    sigma = np.zeros((len(rig.names), 2)) if baseline.learned else np.asarray(rig.pose_sigma)
    found = motion_of(left, view, pose_sigma=sigma, free=free)
    return Motion(found.values, found.covariance * baseline.inflation)


def _total(
    evidence: Evidence, now: Rig, before: Rig, view: int, *, free: tuple[int, ...], baseline: Baseline
) -> Motion:
    """Return the motion from one rig to the other; its covariance is that of the last step."""
    moved = compose(now.camera_from_world[view], invert(before.camera_from_world[view]))
    values = np.concatenate([vector_from_rotation(moved[:, :3]), moved[:, 3]])
    return Motion(values, _motion(evidence, now, view, free=free, baseline=baseline).covariance)


def _transform(values: Array) -> Array:
    return transform_from(rotation_from_vector(values[:3]), values[3:POSE])


def _with_pose(rig: Rig, view: int, pose: Array) -> Rig:
    poses = np.array(rig.camera_from_world, dtype=np.float64)
    poses[view] = pose
    return replace(rig, camera_from_world=poses)


def _with_sigma(rig: Rig, view: int, covariance: Array) -> Rig:
    sigma = np.array(rig.pose_sigma, dtype=np.float64)
    sigma[view] = np.sqrt([np.trace(covariance[:3, :3]) / 3.0, np.trace(covariance[3:, 3:]) / 3.0])
    return replace(rig, pose_sigma=np.hypot(sigma, rig.pose_sigma))


def _noted(rig: Rig, moved: list[Moved]) -> Rig:
    said = "; ".join(
        f"{one.camera} turned {one.turn_deg:.3f} deg, shifted {one.shift_mm:.1f} mm" for one in moved
    )
    kept = tuple(item for item in rig.metadata if item[0] != "repaired")
    return replace(rig, metadata=(*kept, ("repaired", said)))
