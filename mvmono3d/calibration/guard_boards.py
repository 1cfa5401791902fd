"""Is this calibration still true? Asked of pictures of a board, whose geometry is known.

All cameras are placed anew by the boards, with the rig's lenses, and compared with the rig: after the two
worlds are laid on each other by the cameras that agree, the others have moved.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle import noise_px
from mvmono3d.calibration.pose_graph import place
from mvmono3d.calibration.reprojection import (
    Corners,
    Estimate,
    corners_of,
    derivatives,
    moved,
    no_step,
    predicted,
    residuals,
)
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.rigid import compose, invert, transform_from, transform_points, vector_from_rotation

_ROUNDS = 12
_HUBER = 3.0
_RIDGE = 1e-9
_SETTLED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCheck(Record):
    """How far the rig is from what boards show, camera by camera."""

    effect_px: Float[Array, " view"]
    """How far from where it is the rig expects the corners in that camera's image (RMS), the cameras that
    agree laid on each other."""
    turn_deg: Float[Array, " view"]
    turn_sigma_deg: Float[Array, " view"]
    shift_m: Float[Array, " view"]
    shift_sigma_m: Float[Array, " view"]
    agrees: Bool[Array, " view"]
    """Within the tolerance."""
    fit_px: Float[Array, " view"]
    """Residual (RMS) once all cameras are placed anew: the lenses' and the corners' part."""
    camera_from_world: Float[Array, "view 3 4"]
    """Where the cameras stand, in the rig's world."""
    pose_sigma: Float[Array, "view 2"]


def check_boards(sightings: BoardSightings, rig: Rig, *, tolerance_px: float) -> BoardCheck:
    """Compare a rig with sightings of a board, cameras in the rig's order.

    Raises `InvalidRecordError` where boards don't connect the cameras.
    """
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    every = corners_of(sightings)
    placed = place(every, lens, names=sightings.cameras)
    corners = _numbered(every, placed.poses)
    estimate, sigma = place_cameras(placed.estimate, corners, fixed=placed.root)
    held = np.asarray(rig.camera_from_world, dtype=np.float64)
    estimate, effect = _laid_on(estimate, corners, held, tolerance_px=tolerance_px)
    motion = compose(estimate.camera_from_world, invert(held))
    turn = np.linalg.norm(vector_from_rotation(motion[..., :3]), axis=-1)
    shift = np.linalg.norm(_centres(estimate.camera_from_world) - _centres(held), axis=-1)
    found = np.linalg.norm(residuals(estimate, corners), axis=-1)
    return BoardCheck(
        effect_px=effect,
        turn_deg=np.degrees(turn),
        turn_sigma_deg=np.degrees(sigma[:, 0]),
        shift_m=shift,
        shift_sigma_m=sigma[:, 1],
        agrees=effect <= tolerance_px,
        fit_px=_per_view(found, corners, len(lens)),
        camera_from_world=estimate.camera_from_world,
        pose_sigma=sigma,
    )


def repaired_by_boards(rig: Rig, check: BoardCheck) -> Rig:
    """Return the rig with the cameras that don't agree placed where the boards say."""
    wrong = ~np.asarray(check.agrees)
    names = ", ".join(name for name, bad in zip(rig.names, wrong, strict=True) if bad)
    kept = tuple(item for item in rig.metadata if item[0] != "repaired")
    return replace(
        rig,
        camera_from_world=np.where(wrong[:, None, None], check.camera_from_world, rig.camera_from_world),
        pose_sigma=np.where(wrong[:, None], check.pose_sigma, rig.pose_sigma),
        metadata=(*kept, ("repaired", f"{names} by boards")),
    )


def place_cameras(
    start: Estimate, corners: Corners, *, fixed: int
) -> tuple[Estimate, Float[Array, "view 2"]]:
    """Minimise the robust residual over all poses, lenses held; return it with every camera's σ (rad, m).

    Gauss-Newton with Huber weights, boards eliminated (Triggs et al. 2000, section 6.1).
    """
    views, poses = len(start.lens), len(start.world_from_board)
    free = np.arange(views) != fixed
    sigma = np.zeros((views, 2))
    for _ in range(_ROUNDS):
        found = residuals(start, corners)
        noise = noise_px(found, corners, views=views)[corners.view]
        length = np.linalg.norm(found, axis=-1) / noise
        weight = np.minimum(1.0, _HUBER / np.maximum(length, _RIDGE)) / noise**2
        by = derivatives(start, corners)
        cameras = _summed(by.camera, by.camera, weight, corners.view, views)
        boards = _summed(by.board, by.board, weight, corners.pose, poses)
        boards += _RIDGE * np.trace(boards, axis1=1, axis2=2)[:, None, None] * np.eye(6) + _RIDGE * np.eye(6)
        across = np.zeros((views, poses, 6, 6))
        np.add.at(
            across,
            (corners.view, corners.pose),
            np.swapaxes(by.camera * weight[:, None, None], 1, 2) @ by.board,
        )
        pull_camera = _summed(by.camera, found[..., None], weight, corners.view, views)[..., 0]
        pull_board = _summed(by.board, found[..., None], weight, corners.pose, poses)[..., 0]
        inverse = np.linalg.inv(boards)
        carried = np.einsum("vpab,pbc->vpac", across, inverse)
        reduced = -np.einsum("vpac,upbc->vaub", carried, across)
        reduced[np.arange(views), :, np.arange(views)] += cameras
        right = pull_camera - np.einsum("vpac,pc->va", carried, pull_board)
        asked = np.repeat(free, 6)
        covariance = np.linalg.inv(reduced.reshape(views * 6, -1)[np.ix_(asked, asked)])
        camera = np.zeros((views, 6))
        camera[free] = -(covariance @ right.ravel()[asked]).reshape(-1, 6)
        board = -np.einsum("pab,pb->pa", inverse, pull_board + np.einsum("vpab,va->pb", across, camera))
        start = moved(start, replace(no_step(start), camera=camera, board=board))
        spread = np.diag(covariance).reshape(-1, 2, 3).mean(axis=-1)
        sigma[free] = np.sqrt(spread)
        if max(np.abs(camera).max(), np.abs(board).max()) < _SETTLED:
            break
    sigma[fixed] = np.median(sigma[free], axis=0)
    return start, sigma


def _laid_on(
    estimate: Estimate, corners: Corners, held: Array, *, tolerance_px: float
) -> tuple[Estimate, Float[Array, " view"]]:
    """Move the world so that as many cameras as possible stand where the rig holds them."""
    held_from_new = compose(invert(held), estimate.camera_from_world)
    tried = [_in_world(estimate, one) for one in held_from_new]
    effects = np.stack([_effects(one, corners, held) for one in tried])
    within = effects <= tolerance_px
    best = max(range(len(tried)), key=lambda one: (within[one].sum(), -float(np.median(effects[one]))))
    group = within[best]
    if group.sum() > 1:
        together = _mean(held_from_new[group], estimate.world_from_board[:, :, 3].mean(axis=0))
        averaged = _in_world(estimate, together)
        effect = _effects(averaged, corners, held)
        if (effect <= tolerance_px).sum() >= group.sum():
            return averaged, effect
    return tried[best], effects[best]


def _in_world(estimate: Estimate, held_from_new: Array) -> Estimate:
    return replace(
        estimate,
        camera_from_world=compose(estimate.camera_from_world, invert(held_from_new)),
        world_from_board=compose(held_from_new, estimate.world_from_board),
    )


def _effects(estimate: Estimate, corners: Corners, held: Array) -> Float[Array, " view"]:
    """Return how far apart (RMS, px) the rig's cameras and the new ones place the corners."""
    apart = predicted(replace(estimate, camera_from_world=held), corners) - predicted(estimate, corners)
    return _per_view(np.linalg.norm(apart, axis=-1), corners, len(held))


def _mean(transforms: Array, about: Array) -> Array:
    """Return the chordal mean of rotations (Hartley et al. 2013, 5.3), the mean of where `about` goes."""
    left, _, right = np.linalg.svd(transforms[..., :3].sum(axis=0))
    rotation = left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right
    return transform_from(
        rotation, transform_points(transforms, about[None]).mean(axis=0)[0] - rotation @ about
    )


def _numbered(corners: Corners, poses: Array) -> Corners:
    """Keep the corners of placed boards and number them as placed."""
    mine = np.isin(corners.pose, poses)
    kept = corners.map(lambda array: array[mine])
    return replace(kept, pose=np.searchsorted(poses, kept.pose))


def _summed(first: Array, second: Array, weight: Array, place_of: Array, count: int) -> Array:
    total = np.zeros((count, first.shape[-1], second.shape[-1]))
    np.add.at(total, place_of, np.swapaxes(first * weight[:, None, None], 1, 2) @ second)
    return total


def _per_view(lengths: Array, corners: Corners, views: int) -> Array:
    squared = np.bincount(corners.view, lengths**2, minlength=views)
    return np.sqrt(squared / np.maximum(np.bincount(corners.view, minlength=views), 1))


def _centres(camera_from_world: Array) -> Array:
    return invert(camera_from_world)[..., 3]
