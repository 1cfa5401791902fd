"""How often the intervals that a calibration states hold the truth, by kind of parameter."""

from dataclasses import replace
from itertools import combinations

import numpy as np

from mvmono3d.calibration.bundle_system import CAMERA_COLUMNS, LENS_COLUMNS
from mvmono3d.calibration.calibrate import calibrate, rough_start
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.geometry.rigid import compose, cross_matrix, invert, vector_from_rotation
from tests.calibration.boards import make

KNOWN, CHOSEN = "lens known", "lens chosen"
KINDS = ("focal length", "centre", "distortion", "relative rotation", "relative position")
BOUND = 1.959963984540054
"""Half of a 95 % interval, in standard deviations."""
_SETTINGS = CalibrationSettings(folds=2, grid_steps=2)
"""What these runs don't look at is done as cheaply as can be; it changes no parameter."""


def measure(seed, *, poses, noise_px=0.2):
    """Return method → how many intervals of each kind of one rig there are and hold the truth."""
    truth = make(seed=seed, poses=poses, noise_px=noise_px)
    start = rough_start(truth.sightings)
    known = replace(_SETTINGS, models=("pinhole5",))
    return {
        name: _counts(deviations(calibrate(truth.sightings, settings=one, start=start), truth.estimate))
        for name, one in ((KNOWN, known), (CHOSEN, _SETTINGS))
    }


def _counts(found):
    counts = {}
    for kind, ratio in found.items():
        finite = ratio[np.isfinite(ratio)]
        counts[f"{kind}: intervals"] = len(ratio)
        counts[f"{kind}: inside"] = int((np.abs(ratio) <= BOUND).sum())
        counts[f"{kind}: squared"] = float(np.sum(finite**2))
    return counts


def deviations(found, truth):
    """Return kind → errors over their standard deviations, of what no choice of the world changes.

    Lenses are such by themselves; of poses, those of every camera in the frame of every other. A number
    that the chosen lens holds at 0 states no uncertainty: where the truth isn't 0 it counts as infinitely
    far off.
    """
    views = len(truth.lens)
    sigma = found.covariance.lens_sigma
    apart = (found.rig.camera.lens - truth.lens)[:, :LENS_COLUMNS]
    lens = _ratio(apart, sigma)
    turns, shifts = [], []
    for one, other in combinations(range(views), 2):
        stated, spread = relative_pose(found.rig.camera_from_world, found.covariance, one, other)
        true = pose_of_pair(truth.camera_from_world, one, other)
        turns.append(_ratio(vector_from_rotation(stated[:, :3] @ true[:, :3].T), spread[:3]))
        shifts.append(_ratio(stated[:, 3] - true[:, 3], spread[3:]))
    values = lens[:, :2], lens[:, 2:4], lens[:, 4:], np.stack(turns), np.stack(shifts)
    return dict(zip(KINDS, (each.ravel() for each in values), strict=True))


def relative_pose(camera_from_world, covariance, one, other):
    """Return the pose of camera `other` as camera `one` sees it, and its six standard deviations.

    Those of a turn, and of a shift of the other's centre. A step x of a pose T is exp(x) T, so that of
    T1 T2^-1 it is x1 - Ad(T1 T2^-1) x2 (Solà et al. 2018, section 4).
    """
    pose = pose_of_pair(camera_from_world, one, other)
    columns = np.concatenate([_pose_columns(one), _pose_columns(other)])
    # The pose's shift is not that of the other's centre, which a turn about this camera moves too.
    centre = np.eye(6)
    centre[3:, :3] = -cross_matrix(pose[:, 3])
    step = centre @ np.concatenate([np.eye(6), -_adjoint(pose)], axis=1)
    spread = step @ covariance.cameras[np.ix_(columns, columns)] @ step.T
    return pose, np.sqrt(np.diag(spread))


def pose_of_pair(camera_from_world, one, other):
    """Return the transform from camera `other`'s axes to camera `one`'s."""
    return compose(camera_from_world[one][None], invert(camera_from_world[other][None]))[0]


def _pose_columns(view):
    return CAMERA_COLUMNS * view + LENS_COLUMNS + np.arange(6)


def _adjoint(transform):
    """Return how a turn and shift before a transform look behind it."""
    rotation, shift = transform[:, :3], transform[:, 3]
    whole = np.zeros((6, 6))
    whole[:3, :3] = whole[3:, 3:] = rotation
    whole[3:, :3] = cross_matrix(shift) @ rotation
    return whole


def _ratio(error, sigma):
    held = sigma <= 0.0
    safe = np.where(held, 1.0, sigma)
    return np.where(held, np.where(error == 0.0, 0.0, np.inf), error / safe)
