"""Detections linearised about a reference point: what every learned part weighs and sums."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.geometry.projection import NEAR_M, jacobian_at, to_normalised
from mvmono3d.nn.evidence import Frames


class Linearised(NamedTuple):
    """Each view's equation `jacobian @ (x - reference) = residual`, in pixels.

    Where `usable` is false (not detected, or the reference lies behind the camera) both sides are 0.
    """

    residual: Float[Tensor, "*batch view joint 2"]
    jacobian: Float[Tensor, "*batch view joint 2 3"]
    usable: Bool[Tensor, "*batch view joint"]
    depth: Float[Tensor, "*batch view joint"]


def linearise(frames: Frames, reference: Float[Tensor, "*batch joint 3"]) -> Linearised:
    """Linearise the projection of normalised frames (pinhole lenses) about `reference`."""
    normalised, depth = to_normalised(reference, camera_from_world=frames.camera_from_world)
    usable = frames.detected & (depth > NEAR_M)
    jacobian = jacobian_at(normalised, depth, lens=frames.lens, camera_from_world=frames.camera_from_world)
    residual = frames.pixels - normalised * frames.lens[..., None, :2]
    return Linearised(
        torch.where(usable[..., None], residual, 0.0),
        torch.where(usable[..., None, None], jacobian, 0.0),
        usable,
        depth,
    )


def project_pinhole(
    points: Float[Tensor, "*batch joint 3"], frames: Frames
) -> tuple[Float[Tensor, "*batch view joint 2"], Bool[Tensor, "*batch view joint"]]:
    """Project into normalised frames; also say what is in front of each camera."""
    normalised, depth = to_normalised(points, camera_from_world=frames.camera_from_world)
    return normalised * frames.lens[..., None, :2], depth > NEAR_M


class NormalEquations(NamedTuple):
    """`matrix @ (x - reference) = vector`, per view; a weighted sum over views solves a joint."""

    matrix: Float[Tensor, "*batch view joint 3 3"]
    vector: Float[Tensor, "*batch view joint 3"]


def normal_equations(linearised: Linearised) -> NormalEquations:
    """Return each view's unweighted normal equations [px²/length², px²/length]."""
    jacobian, residual = linearised.jacobian, linearised.residual
    matrix = (jacobian[..., :, :, None] * jacobian[..., :, None, :]).sum(-3)
    vector = (jacobian * residual[..., None]).sum(-2)
    return NormalEquations(matrix, vector)


def variance_of(covariance: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """Return the mean of a 3x3 matrix's diagonal: the variance per axis."""
    return covariance.diagonal(dim1=-2, dim2=-1).sum(-1) / 3.0


def well_conditioned(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Raise eigenvalues that single precision can't tell from 0, so that the matrix can be inverted."""
    trace = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    identity = torch.eye(3, dtype=matrix.dtype, device=matrix.device)
    return matrix + (4e-6 * trace + 1e-12)[..., None, None] * identity


def weighted_sum(
    equations: NormalEquations, weights: Float[Tensor, "*batch view joint"]
) -> tuple[Float[Tensor, "*batch joint 3 3"], Float[Tensor, "*batch joint 3"]]:
    """Sum the views' normal equations with precisions as weights [1/px²]."""
    matrix = (weights[..., None, None] * equations.matrix).sum(-4)
    vector = (weights[..., None] * equations.vector).sum(-3)
    return matrix, vector


def shifted_residual(
    linearised: Linearised, shift: Float[Tensor, "*batch joint 3"]
) -> Float[Tensor, "*batch view joint 2"]:
    """Return the residuals after moving the joints by `shift` from the reference."""
    return linearised.residual - (linearised.jacobian * shift[..., None, :, None, :]).sum(-1)


def pixel_variance(
    linearised: Linearised, variance: Float[Tensor, "*batch joint"]
) -> Float[Tensor, "*batch view joint"]:
    """Return what an isotropic variance of the joints means in pixels, per axis."""
    return 0.5 * linearised.jacobian.square().sum((-2, -1)) * variance[..., None, :]
