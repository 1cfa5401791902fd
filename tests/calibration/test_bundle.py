"""Three implementations of one adjustment."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.calibration.bundle import check_solver
from mvmono3d.calibration.bundle_schur import solve_with_schur
from mvmono3d.calibration.bundle_scipy import solve_with_scipy
from mvmono3d.calibration.bundle_system import Problem, robust_jacobian, robust_rows, step_from
from mvmono3d.calibration.camera_model import lens_model
from mvmono3d.calibration.reprojection import Estimate, Step, corners_of, moved, no_step
from mvmono3d.errors import ConfigurationError
from tests.calibration.boards import Truth, make


def problem_of(truth: Truth, *, model: str, views: int = 4) -> Problem:
    return Problem(
        corners=corners_of(truth.sightings),
        models=(lens_model(model),) * views,
        sigma_px=np.full(views, 0.2),
        huber=2.0,
        fixed_camera=1,
    )


def near(truth: Truth, problem: Problem) -> Estimate:
    generator = np.random.default_rng(5)
    zero = no_step(truth.estimate)
    lens = generator.normal(size=zero.lens.shape) * np.array(
        [8.0, 8.0, 4.0, 4.0, 0.01, 0.01, 1e-3, 1e-3, 0.0]
    )
    step = Step(
        lens=lens * np.stack([model.free for model in problem.models]),
        camera=0.005 * generator.normal(size=zero.camera.shape) * (np.arange(4) != 1)[:, None],
        board=0.005 * generator.normal(size=zero.board.shape),
    )
    return moved(truth.estimate, step)


def test_the_robust_jacobian_is_that_of_finite_differences():
    truth = make(poses=2, outliers=0.2)
    problem = problem_of(truth, model="pinhole5")
    jacobian = robust_jacobian(truth.estimate, problem).toarray()
    for column in (0, 5, 11, 14, 33, 61, 66):
        delta = np.zeros(jacobian.shape[1])
        delta[column] = 1e-7
        ahead, behind = (
            robust_rows(moved(truth.estimate, step_from(sign * delta, views=4)), problem) for sign in (1, -1)
        )
        np.testing.assert_allclose(jacobian[:, column], (ahead - behind) / 2e-7, rtol=1e-4, atol=2e-3)


def ceres(start: Estimate, problem: Problem, *, tolerance: float) -> Estimate:
    pytest.importorskip("pyceres")
    pytest.importorskip("pycolmap")
    from mvmono3d.calibration.bundle_ceres import solve_with_ceres

    return solve_with_ceres(start, problem, tolerance=tolerance)


@pytest.mark.parametrize("solver", [ceres, solve_with_schur])
@pytest.mark.parametrize(("model", "fisheye"), [("pinhole5", False), ("fisheye", True)])
def test_all_solvers_find_the_minimum_that_scipy_finds(solver, model, fisheye):
    distortion = (-0.03, 0.01, -0.005, 0.001, 0.0) if fisheye else (-0.12, 0.05, 0.0008, -0.0006, -0.01)
    truth = make(poses=12, fisheye=fisheye, distortion=distortion, outliers=0.02)
    problem = problem_of(truth, model=model)
    start = near(truth, problem)
    reference = solve_with_scipy(start, problem, tolerance=1e-13)
    other = solver(start, problem, tolerance=1e-12)
    costs = [float(np.sum(robust_rows(found, problem) ** 2)) for found in (reference, other)]
    np.testing.assert_allclose(costs[1], costs[0], rtol=1e-8)
    np.testing.assert_allclose(other.lens[:, :2], reference.lens[:, :2], rtol=1e-6)
    np.testing.assert_allclose(other.camera_from_world, reference.camera_from_world, atol=1e-6)
    np.testing.assert_allclose(other.world_from_board, reference.world_from_board, atol=1e-6)


def test_the_order_of_corners_changes_nothing():
    truth = make(poses=6)
    problem = problem_of(truth, model="pinhole5")
    start = near(truth, problem)
    order = np.random.default_rng(2).permutation(len(problem.corners))
    mixed = replace(problem, corners=problem.corners.map(lambda array: array[order]))
    found, other = (solve_with_schur(start, one) for one in (problem, mixed))
    np.testing.assert_allclose(other.lens, found.lens, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", [solve_with_scipy, solve_with_schur])
def test_what_is_held_stays(solver):
    truth = make(poses=6, distortion=(-0.1, 0.0, 0.0, 0.0, 0.0))
    problem = problem_of(truth, model="pinhole1")
    found = solver(near(truth, problem), problem)
    np.testing.assert_array_equal(found.lens[:, 5:], truth.estimate.lens[:, 5:])
    np.testing.assert_allclose(found.camera_from_world[1], truth.estimate.camera_from_world[1], atol=1e-15)


@pytest.mark.parametrize("solver", [solve_with_scipy, solve_with_schur])
def test_the_minimum_is_at_most_the_cost_of_the_truth(solver):
    truth = make(poses=8)
    problem = replace(problem_of(truth, model="pinhole5"), huber=3.0)
    found = solver(near(truth, problem), problem)
    assert np.sum(robust_rows(found, problem) ** 2) < np.sum(robust_rows(truth.estimate, problem) ** 2)


def test_a_board_without_corners_stays_where_it_is():
    truth = make(poses=6)
    problem = problem_of(truth, model="pinhole5")
    kept = problem.corners.pose != 2
    problem = replace(problem, corners=problem.corners.map(lambda array: array[kept]))
    found = solve_with_schur(near(truth, problem), problem)
    np.testing.assert_allclose(
        found.world_from_board[2], near(truth, problem).world_from_board[2], atol=1e-12
    )


def test_an_unknown_solver_is_refused():
    with pytest.raises(ConfigurationError, match="no solver 'g2o'; known: schur, ceres, scipy"):
        check_solver("g2o")
