"""Leave one camera out: predict what it saw from the others, the honest test without ground truth."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.geometry.projection import project


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Prediction errors of every camera's detections. Where `predicted` is false the error is 0."""

    error_px: Float[np.ndarray, "time view joint"]
    predicted: Bool[np.ndarray, "time view joint"]


def leave_one_view_out(
    observations: Observations, rig: Rig, *, reconstruct: Callable[[Observations], Reconstruction]
) -> LeftOut:
    """Reconstruct once without each camera, and compare the projections there with its detections.

    A detection is predicted where the other cameras give the joint and it lies in front of the camera.
    """
    detected = np.asarray(observations.detected)
    error_px, predicted = np.zeros(detected.shape), np.zeros(detected.shape, dtype=bool)
    for view in range(detected.shape[1]):
        others = np.arange(detected.shape[1]) != view
        result = reconstruct(replace(observations, detected=detected & others[:, None]))
        points = np.asarray(result.trajectory.points_world, dtype=np.float64)
        projection = project(
            points,
            lens=rig.camera.lens[view : view + 1],
            camera_from_world=rig.camera_from_world[view : view + 1],
        )
        difference = projection.pixels[:, 0] - observations.pixels[:, view]
        found = np.asarray(result.trajectory.source) != PointSource.MISSING
        predicted[:, view] = found & projection.in_front[:, 0] & detected[:, view]
        error_px[:, view] = np.where(predicted[:, view], np.linalg.norm(difference, axis=-1), 0.0)
    return LeftOut(error_px=error_px, predicted=predicted)
