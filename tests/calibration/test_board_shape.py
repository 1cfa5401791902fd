"""A board that isn't flat is measured along with the cameras; a flat one stays as drawn."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mvmono3d.calibration.board_views import board_views
from mvmono3d.calibration.bundle_schur import solve_with_schur
from mvmono3d.calibration.bundle_system import Problem, robust_rows
from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.camera_model import lens_model
from mvmono3d.calibration.checks_after import checked_after
from mvmono3d.calibration.findings import Fault
from mvmono3d.calibration.reprojection import corners_of
from mvmono3d.calibration.solution import Calibration, CalibrationSettings
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import transform_points
from tests.calibration.boards import Truth, make

SETTINGS = CalibrationSettings(models=("pinhole5",), folds=3, grid_steps=3)


def bent(truth: Truth, shape_m: np.ndarray) -> Truth:
    """Return the same boards with their corners elsewhere, and the noise that they had."""
    sightings, estimate = truth.sightings, truth.estimate
    at = [
        project(
            transform_points(estimate.world_from_board, sightings.corners_m + offset),
            lens=estimate.lens,
            camera_from_world=estimate.camera_from_world,
        ).pixels
        for offset in (np.zeros_like(shape_m), shape_m)
    ]
    pixels = np.where(sightings.seen[..., None], sightings.pixels + at[1] - at[0], 0.0)
    return replace(truth, sightings=replace(sightings, pixels=pixels))


def bubble(corners_m: np.ndarray) -> np.ndarray:
    """A millimetre high, over a few squares."""
    away = np.linalg.norm(corners_m - corners_m[9], axis=-1)
    height = 1e-3 * np.exp(-((away / 0.04) ** 2))
    return np.stack([np.zeros_like(height), np.zeros_like(height), height], axis=-1)


@cache
def solved() -> tuple[Truth, np.ndarray, Calibration]:
    truth = make(poses=24, noise_px=0.05)
    shape = bubble(truth.sightings.corners_m)
    truth = bent(truth, shape)
    return truth, shape, calibrate(truth.sightings, settings=SETTINGS)


@pytest.mark.slow
def test_a_bubble_is_measured():
    truth, shape, found = solved()
    assert found.shape_m is not None
    # A board's own tilt and place are anyone's choice: compare what a plane through it leaves.
    x, y = np.asarray(truth.sightings.corners_m)[:, :2].T
    plane = np.stack([np.ones_like(x), x, y], axis=-1)
    left = [z - plane @ np.linalg.lstsq(plane, z, rcond=None)[0] for z in (shape[:, 2], found.shape_m[:, 2])]
    np.testing.assert_allclose(left[1], left[0], atol=6e-5)


def test_a_measured_board_fits_as_well_as_a_flat_one():
    truth, _, found = solved()
    np.testing.assert_allclose(found.sigma_px, 0.05, rtol=0.06)
    np.testing.assert_allclose(found.held_out.rms_px, 0.05 * np.sqrt(2.0), rtol=0.2)
    judged = found.held_out
    mean = judged.error_m[judged.triangulated].mean()
    assert mean < 0.8 * judged.error_as_drawn_m[judged.triangulated].mean()
    said = checked_after(found, truth.sightings, board_views(truth.sightings), floor=False)
    assert Fault.UNEVEN_BOARD in {finding.fault for finding in said}


def test_a_flat_board_stays_as_drawn():
    found = calibrate(make(poses=16).sightings, settings=SETTINGS)
    assert found.shape_m is None
    assert found.shape_evidence is not None
    np.testing.assert_array_equal(found.held_out.error_m, found.held_out.error_as_drawn_m)


def test_a_shape_only_lowers_the_cost_and_keeps_the_scale():
    truth = bent(make(poses=10, noise_px=0.05), bubble(make(poses=1).sightings.corners_m))
    problem = Problem(
        corners=corners_of(truth.sightings),
        models=(lens_model("pinhole5"),) * 4,
        sigma_px=np.full(4, 0.05),
        huber=3.0,
        fixed_camera=0,
    )
    flat = solve_with_schur(truth.estimate, problem)
    shaped = solve_with_schur(flat, replace(problem, shape_sigma_m=6e-4))
    assert np.sum(robust_rows(shaped, problem) ** 2) < 0.5 * np.sum(robust_rows(flat, problem) ** 2)
    assert shaped.shape_m is not None
    # The prior holds what the poses could take up: the board neither grows nor moves.
    drawn = np.asarray(truth.sightings.corners_m)
    growth = np.sum(shaped.shape_m * (drawn - drawn.mean(axis=0))) / np.sum((drawn - drawn.mean(axis=0)) ** 2)
    assert abs(growth) < 1e-4
    np.testing.assert_allclose(shaped.shape_m.mean(axis=0), 0.0, atol=1e-5)
