"""How far a calibration is from the truth: at boards that it never saw, and camera by camera."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mvmono3d.geometry.projection import rays
from mvmono3d.geometry.rigid import transform_points, vector_from_rotation
from mvmono3d.geometry.triangulation import triangulate
from tests.benchmarks.calibration.geometry import turn_between
from tests.benchmarks.calibration.honesty import pose_of_pair, relative_pose

_NEAR_A_METRE = (0.6, 1.4)
_PAIRS = 200_000


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Errors that the calibration alone makes: pixels of the held-out boards have no noise."""

    held_out_mm: float
    """RMS distance of triangulated corners from the truth, the worlds laid on each other as rigid wholes."""
    scale_percent: float
    """By how much distances between those corners are too long, on average."""
    axes_deg: float
    """RMS turn between how a camera's axes lie to another's and the truth, over all pairs."""
    rays_deg: float
    """RMS turn of the cameras' lines of sight, lens and pose together, over cameras."""
    position_mm: float
    """RMS error of a camera's centre as another sees it, over all pairs."""
    length_mm: float
    """RMS error of distances between those corners that are about a metre long, per metre."""


def errors_of(scene, lens, camera_from_world):
    """Compare a rig (view 10), (view 3 4) with a scene's truth."""
    seen = scene.held_out_seen
    two = seen.sum(axis=1) >= 2
    true = transform_points(scene.held_out.world_from_board, scene.sightings.corners_m)[two]
    weights = seen.astype(np.float64)
    found = triangulate(
        scene.held_out_pixels, weights, lens=lens, camera_from_world=camera_from_world, steps=10
    ).points_world[two]
    # Boards fix the scale: it stays as it was found.
    found_from_true = turn_between(found - found.mean(axis=0), true - true.mean(axis=0))
    apart = (true - true.mean(axis=0)) @ found_from_true.T - (found - found.mean(axis=0))
    turn, position = _pairs(scene.truth.camera_from_world, camera_from_world)
    return Errors(
        held_out_mm=1e3 * _rms(np.linalg.norm(apart, axis=-1)),
        scale_percent=100.0 * (_spread(found) / _spread(true) - 1.0),
        axes_deg=float(np.degrees(_rms(turn))),
        rays_deg=float(np.degrees(_rms(_ray_turns(scene, lens, camera_from_world, found_from_true)))),
        position_mm=1e3 * _rms(position),
        length_mm=1e3 * _rms(_length_errors(found, true)),
    )


def stated_axes_deg(calibration):
    """Return what the calibration itself expects of `axes_deg`."""
    rig, covariance = calibration.rig.camera_from_world, calibration.covariance
    turns = [
        np.linalg.norm(relative_pose(rig, covariance, *pair)[1][:3])
        for pair in combinations(range(len(rig)), 2)
    ]
    return float(np.degrees(_rms(turns)))


def _ray_turns(scene, lens, camera_from_world, found_from_true):
    """Return the turn of each camera's lines of sight to the held-out corners, in a common world."""
    seen = np.moveaxis(scene.held_out_seen, 1, 0).reshape(len(lens), -1)
    pixels = np.moveaxis(scene.held_out_pixels, 1, 0).reshape(len(lens), -1, 2)
    middle = scene.sightings.size_px[:, None] / 2.0
    pixels = np.where(seen[..., None], pixels, middle)
    truth = scene.truth
    true = rays(pixels, lens=truth.lens, camera_from_world=truth.camera_from_world).direction_world
    found = rays(pixels, lens=lens, camera_from_world=camera_from_world).direction_world @ found_from_true
    turns = [turn_between(found[view, mine], true[view, mine]) for view, mine in enumerate(seen)]
    return np.linalg.norm(vector_from_rotation(np.stack(turns)), axis=-1)


def _length_errors(found, true):
    """Return errors of distances of about a metre between held-out corners, per metre."""
    first, second = np.random.default_rng(81).integers(0, len(true), (2, _PAIRS))
    length = np.linalg.norm(true[second] - true[first], axis=-1)
    near = (length > _NEAR_A_METRE[0]) & (length < _NEAR_A_METRE[1])
    measured = np.linalg.norm(found[second] - found[first], axis=-1)[near]
    return (measured - length[near]) / length[near]


def _pairs(true, found):
    turns, shifts = [], []
    for one, other in combinations(range(len(true)), 2):
        a, b = pose_of_pair(true, one, other), pose_of_pair(found, one, other)
        turns.append(np.linalg.norm(vector_from_rotation(b[:, :3] @ a[:, :3].T)))
        shifts.append(np.linalg.norm(b[:, 3] - a[:, 3]))
    return np.array(turns), np.array(shifts)


def _spread(points):
    return float(np.sqrt(np.mean(np.sum((points - points.mean(axis=0)) ** 2, axis=-1))))


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
