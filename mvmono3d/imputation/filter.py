"""A robust information filter: one predict and one update per frame set, in closed form.

Information form of the Kalman filter (Anderson & Moore, Optimal Filtering, 1979, section 6.3), with
measurements down-weighted by their innovation as under a Student-t noise (West, 1981).
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.geometry.solve import inverse3
from mvmono3d.nn.linearise import (
    Linearised,
    NormalEquations,
    pseudo_equations,
    solve_equations,
    weighted,
    well_conditioned,
)


class Motion(NamedTuple):
    """A joint's state: position and velocity [length/s] with their joint covariance, in blocks."""

    mean: Float[Tensor, "*batch joint 3"]
    velocity: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]
    """Of the position."""
    cross: Float[Tensor, "*batch joint 3 3"]
    """Of position (rows) and velocity (columns)."""
    velocity_covariance: Float[Tensor, "*batch joint 3 3"]


class Dynamics(NamedTuple):
    """How the filter treats each joint in this frame; all positive."""

    acceleration_variance: Float[Tensor, "*batch joint"]
    """Of an acceleration that changes every frame [(length/s²)²]."""
    process_variance: Float[Tensor, "*batch joint"]
    """Of displacements that leave the velocity alone, per frame of 1/60 s [length²]."""
    damping: Float[Tensor, "*batch joint"]
    """Share of the velocity kept per frame of 1/60 s."""
    carried: Float[Tensor, "*batch joint"]
    """Share of the whole actor's motion that the joint takes part in, besides its own velocity."""
    degrees: Float[Tensor, "*batch joint"]
    """Degrees of freedom of the innovation's Student-t: small rejects outliers harder."""


class Posterior(NamedTuple):
    """A joint after an update."""

    mean: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]
    follow: Float[Tensor, "*batch joint 3 3"]
    """What a correction of the position (rows) means for the velocity (columns) [1/s]."""


NOMINAL_HZ = 60.0
UNKNOWN_SPEED = 2.0
"""Standard deviation of a velocity of which nothing is known [network units/s]: twice the actor's size."""


def predict(
    motion: Motion,
    dynamics: Dynamics,
    *,
    carried: Float[Tensor, "*batch joint 3"],
    time_step_s: Float[Tensor, " batch"],
) -> Motion:
    """Move the state on by one time step; `carried` is where the whole actor's motion takes the means.

    The velocity fades, and noise enters as an acceleration that is constant within a step
    (Bar-Shalom et al., Estimation with Applications to Tracking and Navigation, 2001, section 6.3.2).
    """
    step = time_step_s[:, None]
    keep = dynamics.damping ** (step * NOMINAL_HZ)
    # The velocity's mean over the step: the trapezoid of its decay.
    reach = (0.5 * step * (1.0 + keep))[..., None, None]
    kept = keep[..., None, None]
    power = dynamics.acceleration_variance * step.square()
    identity = torch.eye(3, dtype=motion.mean.dtype, device=motion.mean.device)
    along = dynamics.carried[..., None] * (carried - motion.mean)
    spread = reach * motion.velocity_covariance
    sideways = motion.cross + spread
    own = 0.25 * power * step.square() + dynamics.process_variance * step * NOMINAL_HZ
    return Motion(
        mean=motion.mean + along + reach[..., 0] * motion.velocity,
        velocity=motion.velocity * keep[..., None],
        covariance=motion.covariance + reach * (sideways + motion.cross.mT) + own[..., None, None] * identity,
        cross=kept * sideways + (0.5 * power * step)[..., None, None] * identity,
        velocity_covariance=kept.square() * motion.velocity_covariance + power[..., None, None] * identity,
    )


def gate(
    weights: Float[Tensor, "*batch view joint"],
    linearised: Linearised,
    predicted: Motion,
    *,
    equations: NormalEquations,
    reference: Float[Tensor, "*batch joint 3"],
    degrees: Float[Tensor, "*batch joint"],
) -> Float[Tensor, "*batch view joint"]:
    """Lower the weight of measurements that lie far from the prediction, given both uncertainties."""
    ahead = (predicted.mean - reference)[..., None, :, None, :]
    innovation = linearised.residual - (linearised.jacobian * ahead).sum(-1)
    # The trace of J P J^T is that of J^T J P, and J^T J is known.
    information = equations.unflatten(-1, (3, 4))[..., :3]
    variance = 0.5 * (information * predicted.covariance[..., None, :, :, :]).sum((-2, -1))
    squared = innovation.square().sum(-1) / ((weights + 1e-9).reciprocal() + variance)
    return weights * (1.0 + 0.5 * squared / degrees[..., None, :]) ** -1.5


def update(
    predicted: Motion,
    equations: NormalEquations,
    weights: Float[Tensor, "*batch view joint"],
    *,
    reference: Float[Tensor, "*batch joint 3"],
    guess: Float[Tensor, "*batch joint 3"],
    guess_precision: Float[Tensor, "*batch joint"],
) -> Posterior:
    """Fuse prediction, measurements and the prior's guess."""
    identity = torch.eye(3, dtype=reference.dtype, device=reference.device)
    prior = inverse3(well_conditioned(predicted.covariance)).inverse
    total = weighted(equations, weights).sum(-3) + pseudo_equations(prior, predicted.mean - reference)
    total = total + pseudo_equations(guess_precision[..., None, None] * identity, guess - reference)
    step, covariance = solve_equations(total, precision=0.0)
    return Posterior(reference + step, covariance, prior @ predicted.cross)


def restarted(
    motion: Motion,
    *,
    where: Bool[Tensor, "*batch joint"],
    points: Float[Tensor, "*batch joint 3"],
    covariance: Float[Tensor, "*batch joint 3 3"],
) -> Motion:
    """Forget the past of some joints: they begin at `points`, their velocity unknown."""
    identity = torch.eye(3, dtype=points.dtype, device=points.device)
    place, block = where[..., None], where[..., None, None]
    return Motion(
        torch.where(place, points, motion.mean),
        torch.where(place, 0.0, motion.velocity),
        torch.where(block, covariance, motion.covariance),
        torch.where(block, 0.0, motion.cross),
        torch.where(block, UNKNOWN_SPEED**2 * identity, motion.velocity_covariance),
    )


def moved_to(
    predicted: Motion,
    *,
    follow: Float[Tensor, "*batch joint 3 3"],
    points: Float[Tensor, "*batch joint 3"],
    covariance: Float[Tensor, "*batch joint 3 3"],
) -> Motion:
    """Put the position where it was found; the velocity follows as far as the two go together.

    With the posterior's own mean and covariance this is the Kalman update of the velocity.
    """
    velocity = predicted.velocity + (follow * (points - predicted.mean)[..., None]).sum(-2)
    cross = covariance @ follow
    alone = predicted.velocity_covariance - predicted.cross.mT @ follow
    return Motion(points, velocity, covariance, cross, alone + follow.mT @ cross)
