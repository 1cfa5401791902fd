"""How a board looks in each picture, without any lens: its homography and what that alone tells."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.calibration.planar_pose import spread_out
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

NOMINAL_FOCAL = 0.87
"""Focal length over image width of a lens of 60 degrees: assumed where no lens is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardViews(Record):
    """Of every picture whose corners fix a homography from the board (m) to the image (px)."""

    fixed: Bool[Array, "pose view"]
    """Elsewhere the other arrays hold 0."""
    homography: Float[Array, "pose view 3 3"]
    misfit: Float[Array, "pose view"]
    """Median distance of corners from the homography, in sides of a square as imaged; bent by the lens."""
    facing: Int[Array, "pose view"]
    """1 where the print is seen as drawn, -1 where it is seen mirrored (or from behind)."""
    normal: Float[Array, "pose view 3"]
    """Of the board, before a camera of nominal focal length: good for comparison, not for angles."""
    scale_px_m: Float[Array, "pose view"]
    """Pixels per metre along the direction that tilt shortens least: grows as the board comes nearer."""
    square_px: Float[Array, "pose view"]


def board_views(sightings: BoardSightings) -> BoardViews:
    """Return how the board looks in each picture; Hartley & Zisserman (2004), section 4.1."""
    poses, views, _ = sightings.seen.shape
    fixed, facing = np.zeros((poses, views), dtype=bool), np.zeros((poses, views), dtype=np.int64)
    homography, normal = np.zeros((poses, views, 3, 3)), np.zeros((poses, views, 3))
    misfit, scale, square = (np.zeros((poses, views)) for _ in range(3))
    side = square_side(sightings.corners_m)
    for pose, view in np.argwhere(sightings.seen.sum(axis=-1) > 0):
        mine = sightings.seen[pose, view]
        plan = np.asarray(sightings.corners_m[mine], dtype=np.float64)
        if not spread_out(plan):
            continue
        pixels = np.asarray(sightings.pixels[pose, view, mine], dtype=np.float64)
        found = _homography(plan[:, :2], pixels)
        if found is None:
            continue
        slope = _slope(found, plan[:, :2].mean(axis=0))
        stretch = np.linalg.svd(slope, compute_uv=False)
        fixed[pose, view], homography[pose, view] = True, found
        facing[pose, view] = 1 if np.linalg.det(slope) > 0.0 else -1
        scale[pose, view], square[pose, view] = stretch[0], stretch[0] * side
        missed = np.linalg.norm(_mapped(found, plan[:, :2]) - pixels, axis=-1)
        misfit[pose, view] = float(np.median(missed)) / max(stretch[0] * side, 1e-9)
        normal[pose, view] = _normal(found, sightings.size_px[view])
    return BoardViews(
        fixed=fixed,
        homography=homography,
        misfit=misfit,
        facing=facing,
        normal=normal,
        scale_px_m=scale,
        square_px=square,
    )


def square_side(corners_m: Float[Array, "corner 3"]) -> float:
    """Return the least distance between corners: a square's side, or a marker's."""
    apart = np.linalg.norm(corners_m[:, None] - corners_m[None], axis=-1)
    return float(apart[apart > 0.0].min())


def _homography(plan: Array, pixels: Array) -> Array | None:
    found, _ = cv2.findHomography(plan, pixels, 0)
    if found is None or not np.isfinite(found).all():
        return None
    # The middle of the board lies before the camera: the sign of the whole matrix is free.
    return found * np.sign(found[2] @ np.append(plan.mean(axis=0), 1.0))


def _mapped(homography: Array, plan: Array) -> Array:
    moved = np.concatenate([plan, np.ones((len(plan), 1))], axis=1) @ homography.T
    return moved[:, :2] / moved[:, 2:]


def _slope(homography: Array, place: Array) -> Float[Array, "2 2"]:
    """Return the derivative of the pixels by the place on the board."""
    x, y, w = homography @ np.append(place, 1.0)
    return (homography[:2, :2] - np.outer([x / w, y / w], homography[2, :2])) / w


def _normal(homography: Array, size_px: Array) -> Array:
    width, height = (float(side) for side in size_px)
    focal = NOMINAL_FOCAL * max(width, height)
    matrix = np.array([[focal, 0.0, width / 2.0], [0.0, focal, height / 2.0], [0.0, 0.0, 1.0]])
    columns = np.linalg.solve(matrix, homography)
    across = np.cross(columns[:, 0], columns[:, 1])
    return across / max(float(np.linalg.norm(across)), np.finfo(np.float64).tiny)
