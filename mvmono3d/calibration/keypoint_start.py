"""Where cameras stand, from joints and lenses alone: a pair to begin with, then one camera at a time."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.keypoint_pairs import FEWEST_JOINTS, PairPose, pair_poses
from mvmono3d.calibration.keypoint_refine import median_px, placed_by_joints, triangulated_joints
from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import undistort

_MOST_STARTS = 3
_GOOD = 2.0
"""Median residual over the noise of the pair that a rig began with: below it no other start is tried."""
_GATE = 8.0
"""Sigmas within which a joint agrees with a camera's place: points of two near views lie off in depth."""
_TRIES = 1000
_CONFIDENCE = 0.9999
_LEAST_SHARE = 0.5
"""Of the joints placed already that a new camera sees: where fewer agree, it fits no place."""


def start_by_joints(observations: Observations, lenses: Rig) -> Rig:
    """Place cameras whose lenses are known by the joints that they see together.

    Returns a rig in the frame of one of the cameras whose size is arbitrary: of the pair that it began with
    the cameras stand 1 apart. Raises `InvalidRecordError` where joints don't connect all cameras.

    Args:
        observations: time x view x joint, of one actor.
        lenses: Names and lenses; its poses play no part.
    """
    pixels = np.asarray(observations.pixels, dtype=np.float64)
    normalised = undistort(pixels, np.asarray(lenses.camera.lens, dtype=np.float64))
    pairs = pair_poses(normalised, np.asarray(observations.detected))
    if not pairs:
        raise InvalidRecordError(
            f"no two cameras see {FEWEST_JOINTS} or more joints at the same instants that fit any place of "
            "both: record somebody who moves about where several cameras look, with one clock"
        )
    found, errors = [], []
    for pair in pairs[:_MOST_STARTS]:
        try:
            rig = _grown(pair, observations, normalised, lenses)
        except InvalidRecordError as error:
            errors.append(error)
            continue
        off = median_px(observations, rig)
        if off < _GOOD * pair.noise * float(np.mean(lenses.camera.focal_px)):
            return rig
        found.append((off, len(found), rig))
    if not found:
        raise errors[0]
    return min(found)[2]


def _grown(pair: PairPose, observations: Observations, normalised: Array, lenses: Rig) -> Rig:
    inside = [pair.first, pair.second]
    rig = _placed(lenses, inside, np.stack([np.eye(3, 4), pair.second_from_first]))
    while len(inside) < len(lenses.names):
        mine = _of_views(observations, inside)
        robust = triangulated_joints(mine, rig)
        solved = np.asarray(robust.agreeing) >= 2
        seen = np.asarray(observations.detected) & solved[:, None]
        count = seen.sum(axis=(0, 2))
        count[inside] = 0
        new = int(np.argmax(count))
        if count[new] < FEWEST_JOINTS:
            raise _disconnected(lenses, inside)
        mask = seen[:, new]
        pose = _place_before(
            np.asarray(robust.points_world)[mask], normalised[:, new][mask], gate=_GATE * pair.noise
        )
        if pose is None:
            raise _misfit(lenses, inside, new)
        inside.append(new)
        rig = _placed(lenses, inside, np.concatenate([rig.camera_from_world, pose[None]]))
        rig, _ = placed_by_joints(_of_views(observations, inside), rig)
    return rig.select(lenses.names)


def _place_before(
    points: Float[Array, "point 3"], at: Float[Array, "point 2"], *, gate: float
) -> Array | None:
    """Return the pose of a camera that sees points in normalised coordinates; none if too few agree."""
    camera, straight = np.eye(3), np.zeros(5)
    points, at = np.ascontiguousarray(points), np.ascontiguousarray(at)
    found, turn, shift, agreeing = cv2.solvePnPRansac(
        points,
        at,
        camera,
        straight,
        iterationsCount=_TRIES,
        reprojectionError=gate,
        confidence=_CONFIDENCE,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not found or agreeing is None or len(agreeing) < _LEAST_SHARE * len(points):
        return None
    kept = np.asarray(agreeing).ravel()
    turn, shift = cv2.solvePnPRefineLM(points[kept], at[kept], camera, straight, turn, shift)
    return np.concatenate([cv2.Rodrigues(turn)[0], shift.reshape(3, 1)], axis=1)


def _of_views(observations: Observations, views: Sequence[int]) -> Observations:
    views = list(views)
    sigma_px = observations.sigma_px
    return replace(
        observations,
        pixels=observations.pixels[:, views],
        confidence=observations.confidence[:, views],
        detected=observations.detected[:, views],
        sigma_px=None if sigma_px is None else sigma_px[:, views],
    )


def _placed(lenses: Rig, views: Sequence[int], camera_from_world: Array) -> Rig:
    chosen = lenses.select(tuple(lenses.names[view] for view in views))
    return replace(
        chosen, camera_from_world=camera_from_world, pose_sigma=np.zeros((len(views), 2)), metadata=()
    )


def _disconnected(lenses: Rig, inside: Sequence[int]) -> InvalidRecordError:
    joined = [lenses.names[view] for view in inside]
    apart = [name for name in lenses.names if name not in joined]
    return InvalidRecordError(
        f"{' '.join(apart)} and two of {' '.join(joined)} see fewer than {FEWEST_JOINTS} joints at the same "
        "instants: record somebody who moves about where three neighbouring cameras look"
    )


def _misfit(lenses: Rig, inside: Sequence[int], new: int) -> InvalidRecordError:
    joined = " ".join(lenses.names[view] for view in inside)
    return InvalidRecordError(
        f"what {lenses.names[new]} sees fits no place before the joints that {joined} agree on: check that "
        "its recording is of this instant and this actor, not mirrored, and that its lens is right"
    )
