"""The robust triangulation of every frame alone, with the detector's noise measured where it isn't given."""

import numpy as np

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.noise_scale import recording_sigma_px
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated


def triangulate_consensus(
    observations: Observations, rig: Rig, *, sigma_px: float | None = None
) -> tuple[RobustTriangulated, float]:
    """Return each frame's consensus and the standard deviation of a good detection, px per axis."""
    arrays = (
        np.asarray(observations.pixels, dtype=np.float64),
        np.asarray(observations.confidence, dtype=np.float64),
        np.asarray(observations.detected),
    )
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    camera_from_world = np.asarray(rig.camera_from_world, dtype=np.float64)
    if sigma_px is None:
        sigma_px = recording_sigma_px(observations, rig)
    settings = RobustSettings(sigma_px=sigma_px)
    robust = triangulate_robust_bulk(
        *arrays, lens=lens, camera_from_world=camera_from_world, settings=settings
    )
    return robust, sigma_px
