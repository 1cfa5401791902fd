"""Weights of M-estimators: how much a residual still counts, for iteratively reweighted least squares.

All take squared residuals in variances (Mahalanobis distances squared); weight(s) = d rho / d(s / 2), so that
weighting squared residuals minimises the sum of rho. Source: Zhang, Parameter Estimation Techniques (1997),
table 1.
"""

from jaxtyping import Float

from mvmono3d.core.array import Array, namespace


def huber_weight(squared: Float[Array, "*batch"], *, threshold: float = 1.345) -> Float[Array, "*batch"]:
    """Return 1 up to `threshold` sigmas, then threshold / residual; convex, but an outlier still pulls."""
    xp = namespace(squared)
    far = squared > threshold * threshold
    return xp.where(far, threshold / xp.sqrt(xp.where(far, squared, 1.0)), 1.0)


def geman_mcclure_weight(squared: Float[Array, "*batch"], *, scale: float = 3.0) -> Float[Array, "*batch"]:
    """Return (c² / (c² + s))²; an outlier far beyond `scale` sigmas stops pulling."""
    share = scale * scale / (scale * scale + squared)
    return share * share


def student_t_weight(
    squared: Float[Array, "*batch"], *, degrees: float = 4.0, dimensions: int = 2
) -> Float[Array, "*batch"]:
    """Return (v + d) / (v + s): maximum likelihood for residuals of `dimensions` axes with heavy tails.

    Lange, Little and Taylor, Robust Statistical Modeling Using the t Distribution (1989), section 2.
    """
    return (degrees + dimensions) / (degrees + squared)
