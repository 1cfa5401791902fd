"""Trajectories: near the target, honestly uncertain, of constant bones, smooth."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.nn.evidence import Frames
from mvmono3d.nn.likelihood import masked_mean, student_t_2d, student_t_3d
from mvmono3d.nn.linearise import linearise
from mvmono3d.nn.units import masked_median


def position_loss(
    points: Float[Tensor, "clip time joint 3"],
    *,
    target: Float[Tensor, "clip time joint 3"],
    reliable: Bool[Tensor, "clip time joint"],
    hidden: Bool[Tensor, "clip time joint"],
) -> Float[Tensor, ""]:
    """Return the mean distance (a twentieth of the actor is 1); hidden joints count three times."""
    distance = 20.0 * ((points - target).square().sum(-1) + 1e-6).sqrt()
    weight = reliable * (1.0 + 2.0 * hidden)
    # A joint lost by a metre says no more than one lost by ten centimetres.
    return (weight * distance.clamp(max=40.0)).sum() / weight.sum().clamp(min=1.0)


def likelihood_loss(
    points: Float[Tensor, "clip time joint 3"],
    covariance: Float[Tensor, "clip time joint 3 3"],
    *,
    target: Float[Tensor, "clip time joint 3"],
    target_variance: Float[Tensor, "clip time joint"],
    reliable: Bool[Tensor, "clip time joint"],
    hidden: Bool[Tensor, "clip time joint"],
    independent: Bool[Tensor, " clip"],
) -> Float[Tensor, ""]:
    """Return the negative log-likelihood of the target; hidden joints count three times.

    A target that shares its error with the measurements says nothing of how certain the answer may be:
    of clips whose target is not `independent`, only hidden joints are compared.
    """
    identity = torch.eye(3, dtype=points.dtype, device=points.device)
    total = covariance + target_variance[..., None, None] * identity
    each = student_t_3d(points - target, total)
    weight = reliable * (independent[:, None, None] * ~hidden + 3.0 * hidden)
    return (weight * each).sum() / weight.sum().clamp(min=1.0)


def withheld_loss(
    points: Float[Tensor, "clip time joint 3"],
    covariance: Float[Tensor, "clip time joint 3 3"],
    frames: Frames,
    *,
    withheld: Bool[Tensor, "clip time view joint"],
) -> Float[Tensor, ""]:
    """Return the likelihood of withheld measurements: the detector's noise plus what the answer leaves open.

    They were no part of the answer, so both its place and its stated covariance are put to the test.
    """
    seen = linearise(frames, points)
    spread = (seen.jacobian[..., None] * covariance[..., None, :, None, :, :]).sum(-2)
    variance = 1.0 + 0.5 * (spread * seen.jacobian).sum((-2, -1))
    return masked_mean(student_t_2d(seen.residual, variance), withheld & seen.usable)


def velocity_loss(
    points: Float[Tensor, "clip time joint 3"],
    *,
    target: Float[Tensor, "clip time joint 3"],
    reliable: Bool[Tensor, "clip time joint"],
) -> Float[Tensor, ""]:
    """Return the mean error of frame-to-frame motion (a hundredth of the actor is 1)."""
    error = (points - target).diff(dim=1).square().sum(-1)
    both = reliable[:, 1:] & reliable[:, :-1]
    return masked_mean(100.0 * (error + 1e-6).sqrt().clamp(max=1.0), both)


def bone_loss(
    points: Float[Tensor, "clip time joint 3"],
    *,
    target: Float[Tensor, "clip time joint 3"],
    reliable: Bool[Tensor, "clip time joint"],
    parents: list[int],
    children: list[int],
    rigid: Float[Tensor, " bone"],
) -> Float[Tensor, ""]:
    """Return how far bones are from their median target length in the clip (a twentieth is 1)."""
    lengths = (target[:, :, children] - target[:, :, parents]).square().sum(-1).sqrt()
    both = reliable[:, :, children] & reliable[:, :, parents]
    usual = masked_median(lengths.transpose(0, 1), both.transpose(0, 1))[:, None]
    found = ((points[:, :, children] - points[:, :, parents]).square().sum(-1) + 1e-8).sqrt()
    known = (usual > 0) & (rigid > 0)
    return masked_mean(20.0 * (found - usual).abs().clamp(max=1.0), known.expand_as(found))


def smoothness_loss(points: Float[Tensor, "clip time joint 3"]) -> Float[Tensor, ""]:
    """Return the mean second difference over time (a hundredth of the actor is 1)."""
    second = points.diff(dim=1).diff(dim=1).square().sum(-1)
    return (100.0 * (second + 1e-8).sqrt().clamp(max=1.0)).mean()
