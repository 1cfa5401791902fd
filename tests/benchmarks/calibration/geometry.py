"""Boards as a rig sees them: corners triangulated and compared with the board."""

from itertools import combinations

import numpy as np

from mvmono3d.geometry.projection import project
from mvmono3d.geometry.triangulation import triangulate

_LEAST = 6
"""Corners of a board that is judged."""


def seen_again(sightings, lens, camera_from_world):
    """Return corners in the world (pose corner 3), and which of them two cameras or more saw."""
    lens, poses = np.asarray(lens, dtype=np.float64), np.asarray(camera_from_world, dtype=np.float64)
    weights = sightings.seen.astype(np.float64)
    found = triangulate(sightings.pixels, weights, lens=lens, camera_from_world=poses, steps=10)
    return found.points_world, found.solved & (sightings.seen.sum(axis=1) >= 2)


def board_errors_m(sightings, lens, camera_from_world):
    """Return distances of corners from the board laid on them, and residuals (px) of all of their pixels."""
    found, two = seen_again(sightings, lens, camera_from_world)
    errors = []
    for points, mine in zip(found, two, strict=True):
        if mine.sum() >= _LEAST:
            errors.append(_apart(points[mine], sightings.corners_m[mine]))
    at = project(found, lens=np.asarray(lens), camera_from_world=np.asarray(camera_from_world)).pixels
    used = sightings.seen & two[:, None]
    return np.concatenate(errors), np.linalg.norm(at - sightings.pixels, axis=-1)[used]


def pair_errors_m(sightings, lens, camera_from_world):
    """Return measured less true distances of all pairs of corners of one board."""
    found, two = seen_again(sightings, lens, camera_from_world)
    errors = []
    for points, mine in zip(found, two, strict=True):
        for one, other in combinations(np.flatnonzero(mine), 2):
            true = np.linalg.norm(sightings.corners_m[one] - sightings.corners_m[other])
            errors.append(np.linalg.norm(points[one] - points[other]) - true)
    return np.array(errors)


def _apart(points, board):
    middle, board_middle = points.mean(axis=0), board.mean(axis=0)
    turn = turn_between(points - middle, board - board_middle)
    return np.linalg.norm((board - board_middle) @ turn.T - (points - middle), axis=-1)


def turn_between(found, true):
    """Return the rotation that brings true vectors nearest to found ones (Kabsch 1976)."""
    left, _, right = np.linalg.svd(found.T @ true)
    return left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right
