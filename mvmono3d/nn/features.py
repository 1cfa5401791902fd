"""What each view says about each joint, as numbers a network can read."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.rigid import camera_centres, cross
from mvmono3d.nn.body import BodyPose
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
    "age", "view_share", "rig_error", "facing_x", "facing_y", "facing_z",
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

    mirror: Tensor

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.clearance = Clearance(skeleton=skeleton)
        self.register_buffer("mirror", torch.tensor(skeleton.mirror), persistent=False)

    def forward(
        self,
        evidence: Evidence,
        linearised: Linearised,
        equations: NormalEquations,
        *,
        rig_variance: Float[Tensor, "*batch view joint"],
        reference: Float[Tensor, "*batch joint 3"],
        body: BodyPose,
        past: Past,
        unit_m: Float[Tensor, ""],
    ) -> Float[Tensor, "*batch view joint feature"]:
        """Return the features of one frame set in the order of `FEATURES`."""
        frames = evidence.frames
        views = frames.detected.shape[-2]
        detected = frames.detected.to(frames.pixels.dtype)
        # Two views agreeing is the least; what exceeds it is what makes a consensus.
        agreeing = evidence.agreeing.to(detected.dtype) / 4.0
        age = torch.log1p(past.age_s * 10.0)
        depth = linearised.depth.clamp(min=0.1)
        residual, innovation, velocity = _moves(linearised, past, frames)
        columns = [
            frames.confidence, detected, residual, *_left_out(linearised, equations, frames),
            *_ray_distances(frames, depth), torch.log(depth) - 1.5,
            _near_touch(self.clearance(reference, camera_from_world=frames.camera_from_world, unit_m=unit_m)),
            evidence.inlier.to(detected.dtype), _for_views(agreeing, views), innovation,
            self._mirror_distance(linearised, frames), velocity, _for_views(age, views),
            detected.mean(-1, keepdim=True).expand_as(detected), 0.5 * torch.log1p(rig_variance),
            *_facing(reference, frames, body),
        ]  # fmt: skip
        # Side by side along the views: an engine then copies once, and not once per feature.
        return torch.cat(columns, dim=-2).unflatten(-2, (-1, views)).movedim(-3, -1)

    def _mirror_distance(self, linearised: Linearised, frames: Frames) -> Tensor:
        partner = linearised.projected.index_select(-2, self.mirror)
        distance = (frames.pixels - partner).square().sum(-1)
        return torch.where(frames.detected, 0.5 * torch.log1p(distance / 25.0), 0.0).clamp(max=6.0)


def _near_touch(clearance: Tensor) -> Tensor:
    """Spread what a hundredth of the actor decides over the range of the other features."""
    return (clearance.clamp(-0.1, 0.2) * 10.0).neg()


def signed_log(value: Tensor) -> Tensor:
    """Compress to `sign(x) log(1 + |x| / 2)`: linear near 0, bounded growth for outliers."""
    return value.sign() * torch.log1p(value.abs() / 2.0)


def _moves(linearised: Linearised, past: Past, frames: Frames) -> tuple[Tensor, ...]:
    """Return residual, innovation and velocity in the image, log-compressed: u of all views, then v."""
    expected, in_front = project_pinhole(past.expected, frames)
    seen, followed = (frames.detected & mask for mask in (in_front, past.detected))
    innovation = (frames.pixels - expected) * seen.to(expected.dtype)[..., None]
    velocity = (frames.pixels - past.pixels) * followed.to(expected.dtype)[..., None]
    moves = signed_log(torch.cat([linearised.residual, innovation, velocity], dim=-1))
    return moves.movedim(-1, -3).flatten(-3, -2).chunk(3, dim=-2)


def _for_views(values: Float[Tensor, "*batch joint"], views: int) -> Float[Tensor, "*batch view joint"]:
    return values[..., None, :].expand(*values.shape[:-1], views, values.shape[-1])


def _left_out(
    linearised: Linearised, equations: NormalEquations, frames: Frames
) -> tuple[Float[Tensor, "*batch view joint"], Float[Tensor, "*batch view joint"]]:
    """Return each view's residual against the other views' point, log-compressed, and where it exists."""
    weights = linearised.usable.to(frames.confidence.dtype) * (frames.confidence.square() + 1e-3)
    each = weighted(equations, weights)
    step = solve_equations(each.sum(-3, keepdim=True) - each, precision=1.0).step
    error = linearised.residual - (linearised.jacobian * step[..., None, :]).sum(-1)
    usable = linearised.usable.to(weights.dtype)
    solved = linearised.usable & (usable.sum(-2, keepdim=True) > 2.5)
    size = 0.5 * torch.log1p(error.square().sum(-1) / 4.0)
    return torch.where(solved, size, 0.0).clamp(max=6.0), solved.to(weights.dtype)


def _ray_distances(frames: Frames, depth: Float[Tensor, "*batch view joint"]) -> list[Tensor]:
    """Return least, mean and greatest pixel distance to the other views' rays, and the share of pairs."""
    origin, direction = _rays(frames)
    normal = cross(direction[..., :, None, :, :], direction[..., None, :, :, :])
    baseline = (origin[..., None, :, :] - origin[..., :, None, :])[..., None, :]
    length = (normal.square().sum(-1) + 1e-6).sqrt()
    distance = (baseline * normal).sum(-1).abs() / length
    views = frames.pixels.shape[-3]
    other = ~torch.eye(views, dtype=torch.bool, device=frames.pixels.device)[:, :, None]
    both = frames.detected[..., :, None, :] & frames.detected[..., None, :, :] & other
    focal = frames.lens[..., :1, None] / 2.0
    pixels = torch.log1p(distance * focal / depth[..., None, :]).clamp(max=6.0)
    apart = torch.where(both, pixels, 0.0)
    count = both.to(pixels.dtype).sum(-2)
    least = torch.where(count > 0.0, torch.where(both, pixels, 6.0).amin(-2), 0.0)
    return [least, apart.sum(-2) / count.clamp(min=1.0), apart.amax(-2), count / 3.0]


def _facing(reference: Float[Tensor, "*batch joint 3"], frames: Frames, body: BodyPose) -> tuple[Tensor, ...]:
    """Return the direction from each joint to each camera in the actor's frame: who turns its back hides."""
    centres = camera_centres(frames.camera_from_world)
    sight = centres[..., :, None, :] - reference[..., None, :, :]
    turned = sight @ body.world_from_body[..., None, :, :]
    return (turned / (turned.square().sum(-1, keepdim=True) + 1e-12).sqrt()).unbind(-1)


def _rays(frames: Frames) -> tuple[Float[Tensor, "*batch view 3"], Float[Tensor, "*batch view joint 3"]]:
    """Return camera centres and the unit directions through the pixels."""
    normalised = frames.pixels / frames.lens[..., None, :2]
    toward = torch.cat([normalised, torch.ones_like(normalised[..., :1])], dim=-1)
    direction = toward @ frames.camera_from_world[..., :3]
    length = direction.square().sum(-1, keepdim=True).sqrt()
    return camera_centres(frames.camera_from_world), direction / length
