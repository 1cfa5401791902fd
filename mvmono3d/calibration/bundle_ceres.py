"""Bundle adjustment by Ceres, with pycolmap's compiled reprojection costs."""

from dataclasses import replace

import numpy as np
import pyceres
import pycolmap
from pycolmap import cost_functions
from scipy.spatial.transform import Rotation

from mvmono3d.calibration.bundle_system import Problem
from mvmono3d.calibration.reprojection import Estimate, shaped_points
from mvmono3d.core.array import Array

_UNIT_WEIGHTS = (1e2, 1e6)
"""Weight of each quaternion's length, in sigmas: loose on the way, so that steps may be long, then firm."""
_STEPS = 100


class _UnitQuaternion(pyceres.CostFunction):
    """Holds a pose's quaternion at length 1.

    pycolmap's costs take a pose as one block of seven numbers, and pyceres offers no manifold for a
    quaternion beside a translation. At the minimum the two are the same: along the quaternion the
    compiled costs pull with at most 1e-2 of what this pushes back with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = _UNIT_WEIGHTS[0]
        self.set_num_residuals(1)
        self.set_parameter_block_sizes([7])

    def Evaluate(self, parameters: Array, residuals: Array, jacobians: Array) -> bool:  # noqa: N802
        """Write weight (|q|² - 1) and its derivative: the name and the form are Ceres's."""
        quaternion = parameters[0][:4]
        residuals[0] = self.weight * (quaternion @ quaternion - 1.0)
        if jacobians is not None and jacobians[0] is not None:
            jacobians[0][:] = 0.0
            jacobians[0][:4] = 2.0 * self.weight * quaternion
        return True


def solve_with_ceres(start: Estimate, problem: Problem, *, tolerance: float = 1e-10) -> Estimate:
    """Return the estimate of least robust cost, as `solve_with_scipy` does, by Ceres's sparse Schur solver.

    Every corner is a compiled `RigReprojErrorCost` with its 2x2 covariance: the corner is a constant
    point of the board, the board's pose the rig's, the camera's the sensor's.
    """
    lenses = [_parameters(lens) for lens in start.lens]
    cameras, boards = _poses(start.camera_from_world), _poses(start.world_from_board)
    # Ceres keeps addresses, not objects: everything added must outlive the last solve.
    ceres, alive = pyceres.Problem(), []
    loss, plain = pyceres.HuberLoss(problem.huber), pyceres.TrivialLoss()
    covariances = [sigma**2 * np.eye(2) for sigma in problem.sigma_px]
    corners = problem.corners
    points = np.array(shaped_points(start, corners))
    for number, (view, pose) in enumerate(zip(corners.view, corners.pose, strict=True)):
        cost = cost_functions.RigReprojErrorCost(
            _model_id(start.lens[view]), covariances[view], corners.pixels[number]
        )
        ceres.add_residual_block(cost, loss, [points[number], cameras[view], boards[pose], lenses[view]])
        ceres.set_parameter_block_constant(points[number])
        alive.append(cost)
    units = _hold_quaternions(ceres, cameras, boards, fixed=problem.fixed_camera, loss=plain)
    _hold_lenses(ceres, lenses, problem)
    for weight in _UNIT_WEIGHTS:
        for unit in units:
            unit.weight = weight
        pyceres.solve(_options(tolerance), ceres, pyceres.SolverSummary())
    return replace(
        start,
        lens=np.stack([_lens(parameters, like) for parameters, like in zip(lenses, start.lens, strict=True)]),
        camera_from_world=_transforms(cameras),
        world_from_board=_transforms(boards),
    )


def _hold_quaternions(
    ceres: pyceres.Problem,
    cameras: list[Array],
    boards: list[Array],
    *,
    fixed: int,
    loss: pyceres.LossFunction,
) -> list[_UnitQuaternion]:
    """Add the lengths of all quaternions but that of the fixed camera: Ceres crashes on constant ones."""
    units = []
    for pose in [*cameras[:fixed], *cameras[fixed + 1 :], *boards]:
        if ceres.has_parameter_block(pose):
            units.append(_UnitQuaternion())
            ceres.add_residual_block(units[-1], loss, [pose])
    if ceres.has_parameter_block(cameras[fixed]):
        ceres.set_parameter_block_constant(cameras[fixed])
    return units


def _hold_lenses(ceres: pyceres.Problem, lenses: list[Array], problem: Problem) -> None:
    for lens, model in zip(lenses, problem.models, strict=True):
        if not ceres.has_parameter_block(lens):
            continue
        free = _parameters(np.append(model.free.astype(np.float64), float(model.fisheye))) != 0.0
        held = np.flatnonzero(~free)
        if len(held):
            ceres.set_manifold(lens, pyceres.SubsetManifold(len(lens), [int(place) for place in held]))


def _options(tolerance: float) -> pyceres.SolverOptions:
    options = pyceres.SolverOptions()
    options.linear_solver_type = pyceres.LinearSolverType.SPARSE_SCHUR
    options.max_num_iterations = _STEPS
    options.function_tolerance = tolerance * 1e-4
    options.parameter_tolerance = tolerance
    options.gradient_tolerance = tolerance
    options.num_threads = 1
    options.logging_type = pyceres.LoggingType.SILENT
    return options


def _model_id(lens: Array) -> pycolmap.CameraModelId:
    ids = pycolmap.CameraModelId
    return ids.OPENCV_FISHEYE if lens[9] > 0.5 else ids.FULL_OPENCV


def _parameters(lens: Array) -> Array:
    """Return fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6, or fx fy cx cy k1..k4 of a fisheye lens."""
    return np.array(lens[:8]) if lens[9] > 0.5 else np.concatenate([lens[:9], np.zeros(3)])


def _lens(parameters: Array, like: Array) -> Array:
    lens = np.array(like)
    kept = min(len(parameters), 9)
    lens[:kept] = parameters[:kept]
    return lens


def _poses(transforms: Array) -> list[Array]:
    """Return quaternion x y z w and translation of each."""
    quaternions = Rotation.from_matrix(transforms[..., :3]).as_quat()
    return list(np.concatenate([quaternions, transforms[..., 3]], axis=-1))


def _transforms(poses: list[Array]) -> Array:
    stacked = np.stack(poses)
    rotation = Rotation.from_quat(stacked[:, :4]).as_matrix()
    return np.concatenate([rotation, stacked[:, 4:, None]], axis=-1)
