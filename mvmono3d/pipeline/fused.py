"""Turn what a filter or smoother finds into a reconstruction with its evidence."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import Decision, MissingReason, PointSource, Reconstruction, Trajectory
from mvmono3d.geometry.evidence import measure_residuals, occlusion_probabilities

SUPPORT = 0.25
"""A view believed by more than this supports a joint."""
_MEASURING_VIEWS = 2


class Fused(NamedTuple):
    """What a method over time finds."""

    points: Float[Array, "time joint 3"]
    covariance: Float[Array, "time joint 3 3"]
    answered: Bool[Array, "time joint"]
    reason: Int[Array, "time joint"]
    """Why a joint isn't answered."""
    belief: Float[Array, "time view joint"]
    """How much a view was believed, in [0, 1]."""
    share: Float[Array, "time view joint"]
    """The information that each view contributed."""


def gather(fused: Fused, observations: Observations, *, rig: Rig, sigma_px: float) -> Reconstruction:
    """Gather the reconstruction: MEASURED where two views or more support a joint, else IMPUTED."""
    answered = fused.answered
    points = np.where(answered[..., None], fused.points, 0.0)
    measured = answered & ((fused.belief > SUPPORT).sum(axis=1) >= _MEASURING_VIEWS)
    source = np.where(answered, PointSource.IMPUTED, PointSource.MISSING)
    share = fused.share * answered[:, None]
    total = share.sum(axis=1, keepdims=True)
    residuals = measure_residuals(points, answered, observations, rig)
    return Reconstruction(
        trajectory=Trajectory(
            points_world=points,
            covariance_world=np.where(answered[..., None, None], fused.covariance, 0.0),
            source=np.where(measured, PointSource.MEASURED, source).astype(np.int64),
            time_ns=np.asarray(observations.time_ns),
        ),
        decided_by=np.where(measured, Decision.CONSENSUS, Decision.PREDICTED).astype(np.int64),
        reason=np.where(answered, MissingReason.NONE, fused.reason).astype(np.int64),
        weights=share / np.where(total > 0, total, 1.0),
        occlusion=occlusion_probabilities(residuals, observations, rig, solved=answered, sigma_px=sigma_px),
        reprojection_px=residuals.distance_px,
    )
