"""Whether a stated covariance tells the truth about the error. Differences in metres.

A Gaussian in three dimensions: the squared Mahalanobis distance of the truth follows a chi-square
distribution with 3 degrees of freedom. A covariance that isn't positive definite states nothing and takes
no part: `positive_definite` says how many that are.
"""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.geometry.solve import cholesky3
from mvmono3d.geometry.uncertainty import chi2_quantile, mahalanobis_squared
from mvmono3d.metrics.masked import masked_mean

LEVELS = (0.5, 0.68, 0.9, 0.95)
"""The regions whose coverage is reported."""
DEGREES = 3


class Reliability(NamedTuple):
    """Stated probability of a region against how often the truth lies in it: the diagonal is honest."""

    stated: Float[Array, " level"]
    observed: Float[Array, " level"]


def negative_log_likelihood(
    difference: Float[Array, "*batch 3"],
    covariance: Float[Array, "*batch 3 3"],
    *,
    counts: Bool[Array, "*batch"],
) -> Float[Array, ""]:
    """Return the mean of ½ (d² + ln det Σ + 3 ln 2π), in nats (d: Mahalanobis distance)."""
    xp = namespace(difference, covariance, counts)
    covariance, counts = _usable(covariance, counts)
    diagonal = xp.linalg.diagonal(cholesky3(covariance).lower)
    log_volume = 2.0 * xp.sum(xp.log(diagonal), axis=-1) + DEGREES * math.log(2.0 * math.pi)
    return masked_mean(0.5 * (mahalanobis_squared(difference, covariance) + log_volume), counts)


def nees(
    difference: Float[Array, "*batch 3"],
    covariance: Float[Array, "*batch 3 3"],
    *,
    counts: Bool[Array, "*batch"],
) -> Float[Array, ""]:
    """Return the mean squared Mahalanobis distance; 3 when the covariance is right.

    Normalised estimation error squared (Bar-Shalom, Li, Kirubarajan 2001, section 5.4.2). More than 3 means
    too confident.
    """
    covariance, counts = _usable(covariance, counts)
    return masked_mean(mahalanobis_squared(difference, covariance), counts)


def coverage(
    difference: Float[Array, "*batch 3"],
    covariance: Float[Array, "*batch 3 3"],
    *,
    counts: Bool[Array, "*batch"],
    levels: tuple[float, ...] = LEVELS,
) -> Reliability:
    """Return how often the truth lies inside the region of each stated probability."""
    xp = namespace(difference, covariance, counts)
    covariance, counts = _usable(covariance, counts)
    distance = mahalanobis_squared(difference, covariance)
    inside = [
        masked_mean(xp.astype(distance <= chi2_quantile(level), xp.float64), counts) for level in levels
    ]
    return Reliability(stated=xp.asarray(levels, dtype=xp.float64), observed=xp.stack(inside))


def reliability_curve(
    difference: Float[Array, "*batch 3"],
    covariance: Float[Array, "*batch 3 3"],
    *,
    counts: Bool[Array, "*batch"],
    points: int = 19,
) -> Reliability:
    """Return the coverage at evenly spaced probabilities: what a reliability diagram draws."""
    levels = tuple((index + 1) / (points + 1) for index in range(points))
    return coverage(difference, covariance, counts=counts, levels=levels)


def positive_definite(covariance: Float[Array, "*batch 3 3"]) -> Bool[Array, "*batch"]:
    """Say which covariances state anything: those positive definite beyond rounding."""
    return cholesky3(covariance).ok


def _usable(covariance: Float[Array, "*batch 3 3"], counts: Bool[Array, "*batch"]) -> tuple[Array, Array]:
    # The identity keeps the numbers finite where nothing is stated.
    xp = namespace(covariance, counts)
    counts = counts & positive_definite(covariance)
    return xp.where(counts[..., None, None], covariance, xp.eye(DEGREES, dtype=covariance.dtype)), counts
