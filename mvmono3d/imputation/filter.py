"""A robust information filter: one predict and one update per frame set, in closed form.

Information form of the Kalman filter (Anderson & Moore, Optimal Filtering, 1979, section 6.3), with
measurements down-weighted by their innovation as under a Student-t noise (West, 1981).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
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
    """A joint's state: mean, velocity [length/s] and covariance of the mean."""

    mean: Float[Tensor, "*batch joint 3"]
    velocity: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]


class Dynamics(NamedTuple):
    """How the filter treats each joint in this frame; all positive."""

    process_variance: Float[Tensor, "*batch joint"]
    """Added per frame of 1/60 s [length²]."""
    damping: Float[Tensor, "*batch joint"]
    """Share of the velocity kept per frame of 1/60 s."""
    gain: Float[Tensor, "*batch joint"]
    """Share of a position correction that goes into the velocity."""
    carried: Float[Tensor, "*batch joint"]
    """Share of the whole actor's motion that the joint takes part in, besides its own velocity."""
    degrees: Float[Tensor, "*batch joint"]
    """Degrees of freedom of the innovation's Student-t: small rejects outliers harder."""


NOMINAL_HZ = 60.0


def predict(
    motion: Motion,
    dynamics: Dynamics,
    *,
    carried: Float[Tensor, "*batch joint 3"],
    time_step_s: Float[Tensor, " batch"],
) -> Motion:
    """Move the state on by one time step; `carried` is where the whole actor's motion takes the means."""
    frames = (time_step_s * NOMINAL_HZ)[:, None]
    velocity = motion.velocity * (dynamics.damping**frames)[..., None]
    along = dynamics.carried[..., None] * (carried - motion.mean)
    mean = motion.mean + along + velocity * time_step_s[:, None, None]
    identity = torch.eye(3, dtype=mean.dtype, device=mean.device)
    grown = motion.covariance + (dynamics.process_variance * frames)[..., None, None] * identity
    return Motion(mean, velocity, grown)


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
) -> tuple[Float[Tensor, "*batch joint 3"], Float[Tensor, "*batch joint 3 3"]]:
    """Fuse prediction, measurements and the prior's guess; return mean and covariance."""
    identity = torch.eye(3, dtype=reference.dtype, device=reference.device)
    prior = inverse3(well_conditioned(predicted.covariance)).inverse
    total = weighted(equations, weights).sum(-3) + pseudo_equations(prior, predicted.mean - reference)
    total = total + pseudo_equations(guess_precision[..., None, None] * identity, guess - reference)
    step, covariance = solve_equations(total, precision=0.0)
    return reference + step, covariance
