"""How certain a point is: covariance, distances measured in it, and what the rig's own error adds."""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import NEAR_M
from mvmono3d.geometry.solve import inverse3, solve3

CHI2_50 = 2.365973884375338
CHI2_90 = 6.251388631170325
CHI2_95 = 7.814727903251179
CHI2_99 = 11.344866730144373
"""Squared Mahalanobis distance that a three-dimensional Gaussian stays within, at that probability."""


class Covariance(NamedTuple):
    """Covariance in m²; 0 where the information is singular and `ok` false."""

    covariance: Float[Array, "*batch 3 3"]
    ok: Bool[Array, "*batch"]


def covariance_from_information(information: Float[Array, "*batch 3 3"]) -> Covariance:
    """Invert an information matrix (1/m²)."""
    inverted = inverse3(information)
    return Covariance(inverted.inverse, inverted.ok)


def mahalanobis_squared(
    difference: Float[Array, "*#batch 3"], covariance: Float[Array, "*#batch 3 3"]
) -> Float[Array, "*#batch"]:
    """Return d^T C^-1 d; 0 where C is singular, that is where nothing is known to measure with."""
    xp = namespace(difference, covariance)
    return xp.sum(difference * solve3(covariance, difference).solution, axis=-1)


def chi2_probability(squared: float) -> float:
    """Return the probability that a three-dimensional Gaussian lies within that squared distance."""
    if squared <= 0.0:
        return 0.0
    return math.erf(math.sqrt(squared / 2.0)) - math.sqrt(2.0 * squared / math.pi) * math.exp(-squared / 2.0)


def chi2_quantile(probability: float) -> float:
    """Return the squared distance that holds a three-dimensional Gaussian at that probability.

    Raises:
        InvalidRecordError: The probability is not within [0, 1).
    """
    if not 0.0 <= probability < 1.0:
        raise InvalidRecordError(
            f"chi-square quantile of probability {probability!r}, expected within [0, 1)"
        )
    low, high = 0.0, 1.0
    while chi2_probability(high) < probability:
        low, high = high, 2.0 * high
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if chi2_probability(middle) < probability else (low, middle)
    return 0.5 * (low + high)


def pose_variance_px2(
    depth: Float[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    pose_sigma: Float[Array, "*#batch view 2"],
) -> Float[Array, "*#batch view joint"]:
    """Return the variance (px² per axis) that the uncertain pose of a camera adds at a depth (m).

    f² (σ_rotation² + σ_translation² / depth²), to first order and near the optical axis. All joints of
    a view share this error: it doesn't average out over joints or time.
    """
    xp = namespace(depth, lens, pose_sigma)
    divisor = xp.where(depth > NEAR_M, depth, NEAR_M)
    squared = xp.sum(lens[..., :2] ** 2, axis=-1)[..., None] / 2.0
    shift = pose_sigma[..., None, 1] / divisor
    return squared * (pose_sigma[..., None, 0] ** 2 + shift * shift)


def precision_from_sigma(
    sigma_px: Float[Array, "*#batch view joint"],
    used: Bool[Array, "*#batch view joint"],
    *,
    added_variance_px2: Float[Array, "*#batch view joint"] | None = None,
) -> Float[Array, "*#batch view joint"]:
    """Return the weights (1/px²) that `triangulate` takes; 0 where not used or where sigma is 0."""
    xp = namespace(sigma_px, used)
    variance = sigma_px * sigma_px
    if added_variance_px2 is not None:
        variance = variance + added_variance_px2
    counts = used & (variance > 0.0)
    return xp.where(counts, 1.0 / xp.where(counts, variance, 1.0), 0.0)
