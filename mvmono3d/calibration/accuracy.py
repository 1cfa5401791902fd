"""The 3D error to expect in the working volume, from noise of the pixels and of the calibration."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle_system import CAMERA_COLUMNS
from mvmono3d.calibration.reprojection import Corners, Derivatives, Estimate, derivatives
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.geometry.lens import one_to_one
from mvmono3d.geometry.projection import inside_image, project, to_normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy(Record):
    """Expected errors (root mean square, metres) of a triangulated point at places of the volume."""

    points_world: Float[Array, "place 3"]
    from_pixels_m: Float[Array, " place"]
    """By the noise of one detection per camera; less when many are averaged."""
    from_calibration_m: Float[Array, " place"]
    """By the uncertain rig: the same in every frame, no averaging helps. The world itself is exact."""
    seen_by_two: Bool[Array, " place"]
    """Where fewer than two cameras look, both errors are 0."""
    views: Float[Array, " place"]
    """How many cameras see the place."""

    @property
    def total_m(self) -> Float[Array, " place"]:
        """Both together."""
        return np.sqrt(self.from_pixels_m**2 + self.from_calibration_m**2)


def expected_accuracy(
    estimate: Estimate,
    points_world: Float[Array, "place 3"],
    *,
    covariance: Float[Array, "column column"],
    sigma_px: Float[Array, " view"],
    size_px: Array,
) -> Accuracy:
    """Return first-order errors of triangulation at places.

    A point is A r from the residuals r with A = (J^T W J)^-1 J^T W: noise of the pixels comes through A,
    and the cameras' covariance through A times the derivative of the pixels by the cameras' numbers.
    Hartley & Zisserman (2004), section 5.2.6.

    Args:
        estimate: Lenses and poses; its boards play no part.
        points_world: Places.
        covariance: Of all cameras' numbers, as in `ParameterCovariance.cameras`.
        sigma_px: Noise of each camera per axis.
        size_px: (view, 2) width and height: outside, a camera sees nothing.
    """
    views, places = len(estimate.lens), len(points_world)
    seen = _seen(estimate, points_world, size_px)
    found = _derivatives(estimate, points_world)
    weight = (seen / sigma_px[:, None] ** 2).T
    by_point = np.moveaxis(found.board[..., 3:].reshape(views, places, 2, 3), 0, 1)
    cameras = np.concatenate([found.lens, found.camera], axis=-1)
    by_camera = np.moveaxis(cameras.reshape(views, places, 2, CAMERA_COLUMNS), 0, 1)
    two = seen.sum(axis=0) >= 2
    normal = np.einsum("pvai,pv,pvaj->pij", by_point, weight, by_point)
    inverse = np.linalg.inv(np.where(two[:, None, None], normal, np.eye(3)))
    # d point / d camera numbers: all cameras side by side.
    by_numbers = np.einsum("pij,pvaj,pv,pvac->pivc", inverse, by_point, weight, by_camera)
    by_numbers = by_numbers.reshape(places, 3, views * CAMERA_COLUMNS)
    calibrated = np.einsum("pic,cd,pid->p", by_numbers, covariance, by_numbers)
    noise = np.trace(inverse, axis1=1, axis2=2)
    return Accuracy(
        points_world=points_world,
        from_pixels_m=np.where(two, np.sqrt(np.maximum(noise, 0.0)), 0.0),
        from_calibration_m=np.where(two, np.sqrt(np.maximum(calibrated, 0.0)), 0.0),
        seen_by_two=two,
        views=seen.sum(axis=0).astype(np.float64),
    )


def volume_grid(points_world: Float[Array, "point 3"], *, steps: int) -> Float[Array, "place 3"]:
    """Return a grid over the box that holds nine tenths of the points along each axis."""
    low, high = np.quantile(points_world, [0.05, 0.95], axis=0)
    axes = [np.linspace(low[axis], high[axis], steps) for axis in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _seen(estimate: Estimate, points_world: Array, size_px: Array) -> Array:
    at = project(points_world, lens=estimate.lens, camera_from_world=estimate.camera_from_world)
    normalised, _ = to_normalised(points_world, camera_from_world=estimate.camera_from_world)
    return inside_image(at.pixels, size_px) & at.in_front & one_to_one(normalised, estimate.lens)


def _derivatives(estimate: Estimate, points_world: Array) -> Derivatives:
    """Return derivatives at places seen as one-cornered boards: their shift is the point's."""
    views, places = len(estimate.lens), len(points_world)
    boards = np.concatenate([np.tile(np.eye(3), (places, 1, 1)), points_world[..., None]], axis=-1)
    view, place = (axis.ravel() for axis in np.indices((views, places)))
    corners = Corners(
        view=view,
        pose=place,
        corner=np.zeros_like(view),
        point_board=np.zeros((len(view), 3)),
        pixels=np.zeros((len(view), 2)),
    )
    return derivatives(
        Estimate(lens=estimate.lens, camera_from_world=estimate.camera_from_world, world_from_board=boards),
        corners,
    )
