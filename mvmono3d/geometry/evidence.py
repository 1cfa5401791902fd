"""What stands behind classical 3D joints: shares of information, residuals, occlusion probabilities."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.projection import inside_image, project, projection_jacobian

_HIDDEN = (OcclusionState.SELF, OcclusionState.OBJECT, OcclusionState.UNKNOWN)


class Residuals(NamedTuple):
    """Where solved joints project to, against what was detected."""

    distance_px: Float[np.ndarray, "time view joint"]
    """0 where there is no detection, no joint, or the joint is not in front of the camera."""
    in_front: Bool[np.ndarray, "time view joint"]
    inside: Bool[np.ndarray, "time view joint"]
    """Whether the joint projects onto the image."""


def measure_residuals(
    points_world: Float[np.ndarray, "time joint 3"],
    solved: Bool[np.ndarray, "time joint"],
    observations: Observations,
    rig: Rig,
) -> Residuals:
    """Project the joints and compare them with the (distorted) detections."""
    projection = project(points_world, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    in_front = projection.in_front & solved[:, None]
    distance = np.linalg.norm(projection.pixels - observations.pixels, axis=-1)
    return Residuals(
        distance_px=np.where(in_front & observations.detected, distance, 0.0),
        in_front=in_front,
        inside=in_front & inside_image(projection.pixels, rig.camera.size_px),
    )


def information_shares(
    points_world: Float[np.ndarray, "time joint 3"],
    precision: Float[np.ndarray, "time view joint"],
    solved: Bool[np.ndarray, "time joint"],
    rig: Rig,
) -> Float[np.ndarray, "time view joint"]:
    """Return each view's share of the trace of a joint's information J^T J / σ²; 0 where unsolved."""
    jacobian = projection_jacobian(
        points_world, lens=rig.camera.lens, camera_from_world=rig.camera_from_world
    )
    trace = precision * np.sum(jacobian * jacobian, axis=(-2, -1))
    total = trace.sum(axis=1, keepdims=True)
    known = solved[:, None] & (total > 0)
    return np.asarray(np.where(known, trace / np.where(known, total, 1.0), 0.0))


def occlusion_probabilities(
    residuals: Residuals, observations: Observations, rig: Rig, *, solved: np.ndarray, sigma_px: float
) -> Float[np.ndarray, "time view joint 4"]:
    """Return what residuals alone say about the four occlusion states.

    A detection of a visible joint is normal about its projection (σ = `sigma_px` per axis); one of a
    hidden joint falls anywhere on the image. Bayes' rule with the recording's own share of consistent
    detections (within 4 σ) as prior gives P(visible); of a joint without 3D, that prior itself. No detection,
    no visibility. The rest is spread evenly over SELF, OBJECT and UNKNOWN: residuals can't tell them
    apart, unless the joint projects outside the image, lies behind the camera, or the view has no
    detection at all in this frame: then it is UNKNOWN. A detector that guesses a hidden joint well is
    therefore called visible; the learned parts do better.
    """
    detected = np.asarray(observations.detected)
    judged = detected & residuals.in_front
    near = judged & (residuals.distance_px < 4 * sigma_px)
    # A prior strictly between 0 and 1 keeps certainty out (Laplace's rule of succession).
    prior = (near.sum() + 1) / (judged.sum() + 2)
    area = np.prod(rig.camera.size_px, axis=-1, dtype=np.float64)[:, None]
    normal = np.exp(-0.5 * (residuals.distance_px / sigma_px) ** 2) / (2 * np.pi * sigma_px**2)
    posterior = prior * normal / (prior * normal + (1 - prior) / area)
    posterior = np.where(residuals.in_front, posterior, np.where(solved[:, None], 0.0, prior))
    visible = np.where(detected, posterior, 0.0)
    dropped = ~detected.any(axis=2, keepdims=True)
    unseen = dropped | (solved[:, None] & ~residuals.inside & ~detected)
    probabilities = np.empty((*visible.shape, len(OcclusionState)))
    probabilities[..., OcclusionState.VISIBLE] = visible
    probabilities[..., _HIDDEN] = ((1.0 - visible) / len(_HIDDEN))[..., None]
    only_unknown = np.arange(len(OcclusionState)) == OcclusionState.UNKNOWN
    return np.where(unseen[..., None], only_unknown, probabilities)


def residual_sigma_px(residuals: Residuals, used: Bool[np.ndarray, "time view joint"]) -> float:
    """Return the standard deviation per axis of the detections behind least-squares joints.

    From the median distance, deaf to outliers: a two-dimensional normal has its median at σ √(2 ln 2).
    A point fitted to n views leaves 2n - 3 of 2n degrees of freedom in its residuals.
    """
    views = used.sum(axis=1, keepdims=True)
    fitted = used & residuals.in_front & (views >= 2)
    if not fitted.any():
        return 1.0
    freedom = np.sqrt(np.maximum(1.0 - 1.5 / np.maximum(views, 2), 0.0))
    return max(float(np.median((residuals.distance_px / freedom)[fitted])) / np.sqrt(2 * np.log(2)), 1e-3)
