"""What each view says about each joint, as numbers a network can read."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.nn.clearance import Clearance
from mvmono3d.nn.evidence import Evidence, Frames
from mvmono3d.nn.linearise import (
    Linearised,
    NormalEquations,
    project_pinhole,
    solve_equations,
    weighted,
)

FEATURES = (
    "confidence", "detected", "residual_u", "residual_v", "left_out_residual", "left_out_solved",
    "ray_distance_min", "ray_distance_mean", "ray_distance_max", "ray_pairs", "depth", "clearance",
    "inlier", "agreeing", "innovation_u", "innovation_v", "mirror_distance", "velocity_u", "velocity_v",
    "age", "view_share",
)  # fmt: skip
"""The feature axis. Pixels are in units of the detector's noise, lengths in units of the actor."""


class Past(NamedTuple):
    """What features of a frame need from the frames before it."""

    pixels: Float[Tensor, "*batch view joint 2"]
    detected: Bool[Tensor, "*batch view joint"]
    expected: Float[Tensor, "*batch joint 3"]
    """Where the joint was in the last frame."""
    age_s: Float[Tensor, "*batch joint"]
    """Time since the joint was last solved."""


class FrameFeatures(nn.Module):
    """Per view and joint: confidence, residuals, agreement with the other views, motion, occluders."""

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.clearance = Clearance(skeleton=skeleton)
        self.mirror = list(skeleton.mirror)

    def forward(
        self,
        evidence: Evidence,
        linearised: Linearised,
        equations: NormalEquations,
        *,
        reference: Float[Tensor, "*batch joint 3"],
        past: Past,
        unit_m: Float[Tensor, ""],
    ) -> Float[Tensor, "*batch view joint feature"]:
        """Return the features of one frame set in the order of `FEATURES`."""
        frames = evidence.frames
        detected = frames.detected.to(frames.pixels.dtype)
        residual = signed_log(linearised.residual)
        left_out, left_out_solved = _left_out(linearised, equations, frames)
        clearance = self.clearance(reference, camera_from_world=frames.camera_from_world, unit_m=unit_m)
        innovation = _innovation(past.expected, frames)
        velocity = torch.where(
            (frames.detected & past.detected)[..., None], signed_log(frames.pixels - past.pixels), 0.0
        )
        # Two views agreeing is the least; what exceeds it is what makes a consensus.
        agreeing = evidence.agreeing.to(detected.dtype)[..., None, :].expand_as(detected) / 4.0
        age = torch.log1p(past.age_s * 10.0)[..., None, :].expand_as(detected)
        columns = [
            frames.confidence, detected, residual[..., 0], residual[..., 1], left_out, left_out_solved,
            *_ray_distances(frames, linearised.depth), torch.log(linearised.depth.clamp(min=0.1)) - 1.5,
            clearance, evidence.inlier.to(detected.dtype), agreeing, innovation[..., 0], innovation[..., 1],
            self._mirror_distance(linearised, frames), velocity[..., 0], velocity[..., 1], age,
            detected.mean(-1, keepdim=True).expand_as(detected),
        ]  # fmt: skip
        return torch.stack(columns, dim=-1)

    def _mirror_distance(self, linearised: Linearised, frames: Frames) -> Tensor:
        partner = linearised.projected[..., self.mirror, :]
        distance = (frames.pixels - partner).square().sum(-1)
        return torch.where(frames.detected, 0.5 * torch.log1p(distance / 25.0), 0.0).clamp(max=6.0)


def signed_log(value: Tensor) -> Tensor:
    """Compress to `sign(x) log(1 + |x| / 2)`: linear near 0, bounded growth for outliers."""
    return value.sign() * torch.log1p(value.abs() / 2.0)


def _innovation(expected: Tensor, frames: Frames) -> Tensor:
    pixels, in_front = project_pinhole(expected, frames)
    usable = (frames.detected & in_front)[..., None]
    return torch.where(usable, signed_log(frames.pixels - pixels), 0.0)


def _left_out(
    linearised: Linearised, equations: NormalEquations, frames: Frames
) -> tuple[Float[Tensor, "*batch view joint"], Float[Tensor, "*batch view joint"]]:
    """Return each view's residual against the other views' point, log-compressed, and where it exists."""
    weights = linearised.usable.to(frames.confidence.dtype) * (frames.confidence.square() + 1e-3)
    each = weighted(equations, weights)
    step = solve_equations(each.sum(-3, keepdim=True) - each, precision=1.0).step
    error = linearised.residual - (linearised.jacobian * step[..., None, :]).sum(-1)
    count = linearised.usable.sum(-2, keepdim=True) - linearised.usable.to(torch.int64)
    solved = linearised.usable & (count >= 2)
    size = 0.5 * torch.log1p(error.square().sum(-1) / 4.0)
    return torch.where(solved, size, 0.0).clamp(max=6.0), solved.to(weights.dtype)


def _ray_distances(frames: Frames, depth: Float[Tensor, "*batch view joint"]) -> list[Tensor]:
    """Return least, mean and greatest pixel distance to the other views' rays, and the share of pairs."""
    origin, direction = _rays(frames)
    normal = torch.linalg.cross(direction[..., :, None, :, :], direction[..., None, :, :, :], dim=-1)
    baseline = (origin[..., None, :, :] - origin[..., :, None, :])[..., None, :]
    length = (normal.square().sum(-1) + 1e-6).sqrt()
    distance = (baseline * normal).sum(-1).abs() / length
    views = frames.pixels.shape[-3]
    other = ~torch.eye(views, dtype=torch.bool, device=frames.pixels.device)[:, :, None]
    both = frames.detected[..., :, None, :] & frames.detected[..., None, :, :] & other
    focal = frames.lens[..., 0][..., None, None]
    pixels = torch.log1p(distance * focal / depth.clamp(min=0.1)[..., None, :] / 2.0).clamp(max=6.0)
    count = both.sum(-2)
    least = torch.where(both, pixels, 6.0).amin(-2)
    mean = torch.where(both, pixels, 0.0).sum(-2) / count.clamp(min=1)
    most = torch.where(both, pixels, 0.0).amax(-2)
    return [torch.where(count > 0, least, 0.0), mean, most, count.to(pixels.dtype) / 3.0]


def _rays(frames: Frames) -> tuple[Float[Tensor, "*batch view 3"], Float[Tensor, "*batch view joint 3"]]:
    """Return camera centres and the unit directions through the pixels."""
    normalised = frames.pixels / frames.lens[..., None, :2]
    toward = torch.cat([normalised, torch.ones_like(normalised[..., :1])], dim=-1)
    direction = toward @ frames.camera_from_world[..., :3]
    length = direction.square().sum(-1, keepdim=True).sqrt()
    return camera_centres(frames.camera_from_world), direction / length
