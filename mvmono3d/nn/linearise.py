"""Detections linearised about a reference point: what every learned part weighs and sums."""

from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.geometry.projection import NEAR_M, jacobian_at, to_normalised
from mvmono3d.geometry.robust_straight_cameras import constant
from mvmono3d.geometry.robust_straight_solve import solve
from mvmono3d.nn.evidence import Frames

_RESOLVED, _LEAST = 4e-6, 1e-12
"""What a diagonal is raised by: a share of the trace, and at least."""
_ENTRIES, _DIAGONAL = (0, 1, 2, 5, 6, 10, 3, 7, 11), (0, 5, 10)
"""Where a flat 3x4 system has the entries xx xy xz yy yz zz, then x1 y1 z1; and its diagonal."""
_NINE = [
    [
        float(place == entry) + _RESOLVED * float(place in _DIAGONAL and entry in _DIAGONAL)
        for place in range(12)
    ]
    for entry in _ENTRIES
]
"""Picks the entries and raises the diagonal by a share of the trace, in one product."""


class Linearised(NamedTuple):
    """Each view's equation `jacobian @ (x - reference) = residual`, in pixels at the reference's depth.

    It is exact however far the reference is off: a ray is linear in the point once its depth is fixed (the
    direct linear transform, Hartley & Zisserman, 2004, section 12.2). Only the scale, pixels per length,
    is that of the reference. Where `usable` is false (not detected, or the reference lies behind the
    camera) both sides are 0.
    """

    residual: Float[Tensor, "*batch view joint 2"]
    jacobian: Float[Tensor, "*batch view joint 2 3"]
    usable: Bool[Tensor, "*batch view joint"]
    depth: Float[Tensor, "*batch view joint"]
    projected: Float[Tensor, "*batch view joint 2"]
    """The reference in the image, also where it is not usable."""


def linearise(frames: Frames, reference: Float[Tensor, "*batch joint 3"]) -> Linearised:
    """Write the rays of normalised frames (pinhole lenses) as linear equations about `reference`."""
    normalised, depth = to_normalised(reference, camera_from_world=frames.camera_from_world)
    usable = frames.detected & (depth > NEAR_M)
    projected = normalised * frames.lens[..., None, :2]
    measured = frames.pixels / frames.lens[..., None, :2]
    jacobian = jacobian_at(measured, depth, lens=frames.lens, camera_from_world=frames.camera_from_world)
    # All of it is finite, and engines multiply several times faster than they choose.
    kept = usable.to(depth.dtype)[..., None]
    return Linearised(
        (frames.pixels - projected) * kept,
        jacobian * kept[..., None],
        usable,
        depth,
        projected,
    )


def project_pinhole(
    points: Float[Tensor, "*batch joint 3"], frames: Frames
) -> tuple[Float[Tensor, "*batch view joint 2"], Bool[Tensor, "*batch view joint"]]:
    """Project into normalised frames; also say what is in front of each camera."""
    normalised, depth = to_normalised(points, camera_from_world=frames.camera_from_world)
    return normalised * frames.lens[..., None, :2], depth > NEAR_M


NormalEquations: TypeAlias = Float[Tensor, "*batch view joint 12"]
"""`matrix @ (x - reference) = vector` per view, [matrix | vector] flat row by row [px²/length², px²/length].
A weighted sum over views solves a joint; one array, because engines pay for every operation."""


class Fixed(NamedTuple):
    """What normal equations say of a joint."""

    step: Float[Tensor, "*batch 3"]
    """From the reference."""
    covariance: Float[Tensor, "*batch 3 3"]


def normal_equations(linearised: Linearised) -> NormalEquations:
    """Return each view's unweighted normal equations."""
    jacobian = linearised.jacobian
    both = torch.cat([jacobian, linearised.residual[..., None]], dim=-1)
    return (jacobian[..., :, :, None] * both[..., :, None, :]).sum(-3).flatten(-2)


def weighted(
    equations: NormalEquations, weights: Float[Tensor, "*batch view joint"]
) -> Float[Tensor, "*batch view joint 12"]:
    """Weight each view with its precision [1/px²]; sum over views (axis -3) to get joints."""
    return weights[..., None] * equations


def pseudo_equations(
    precision: Float[Tensor, "*batch 3 3"], offset: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 12"]:
    """Return the normal equations of a point measured at `offset` from the reference."""
    vector = (precision * offset[..., None, :]).sum(-1, keepdim=True)
    return torch.cat([precision, vector], dim=-1).flatten(-2)


def solve_equations(equations: Float[Tensor, "*batch 12"], *, precision: float) -> Fixed:
    """Solve a joint's normal equations, with a prior of `precision` at the reference.

    The diagonal is also raised to what single precision can tell from 0.
    """
    raised = constant(_NINE, equations) @ equations.mT + constant(_least(precision), equations)
    solved = solve(raised)
    return Fixed(solved.step.mT[..., 1:], solved.inverse.mT.unflatten(-1, (3, 3)))


def _least(precision: float) -> list[list[float]]:
    """Return what a prior of `precision` adds to the entries, and what single precision needs."""
    added = _LEAST + (1.0 + 3.0 * _RESOLVED) * precision
    return [[added * float(entry in _DIAGONAL)] for entry in _ENTRIES]


def variance_of(covariance: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """Return the mean of a 3x3 matrix's diagonal: the variance per axis."""
    return covariance.flatten(-2)[..., ::4].mean(-1)


def well_conditioned(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Raise eigenvalues that single precision can't tell from 0, so that the matrix can be inverted."""
    trace = matrix.flatten(-2)[..., ::4].sum(-1)[..., None, None]
    return matrix + (_RESOLVED * trace + _LEAST) * torch.eye(3, dtype=matrix.dtype, device=matrix.device)


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
