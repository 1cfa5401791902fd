"""The units a network thinks in, fitted to recordings without any 3D label.

Actor size, detector noise, usual pose and usual bone lengths come from joints that three or more views
agree on. With them one set of weights serves any size of actor and any resolution.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.kinematics import body_frame
from mvmono3d.geometry.robust_settings import RobustSettings
from mvmono3d.nn.evidence import CONFIDENT_VIEWS, Frames, triangulate_in_bulk
from mvmono3d.nn.recording_noise import measure_noise_px, rescale

_SIZE = 0.5
"""The root-mean-square distance of joints from the torso becomes this: a standing body is then about 1."""

_ENOUGH_BENDS = 200
"""Frames that must show a bend before it is limited."""
_RARE, _MARGIN = 0.002, 0.05
"""Share of a recording's bends that may be noise at either end, and what is allowed beyond the rest."""


class Units(nn.Module):
    """Buffers that travel with the weights: what 1 means in length and in pixels, and the usual pose.

    `noise_px` is the noise that the network takes detections to have; recordings are brought to it.
    """

    unit_m: Tensor
    noise_px: Tensor
    mean_pose: Tensor
    bone_length: Tensor
    bend_cosines: Tensor
    """Least and greatest cosine between the directions of two bones that follow each other."""

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.register_buffer("unit_m", torch.tensor(1.0))
        self.register_buffer("noise_px", torch.tensor(1.0))
        self.register_buffer("mean_pose", torch.zeros(len(skeleton.joints), 3))
        self.register_buffer("bone_length", torch.full((len(skeleton.bones),), 0.25))
        free = torch.tensor([[-1.0], [1.0]]).repeat(1, len(skeleton.bends))
        self.register_buffer("bend_cosines", free)

    @torch.no_grad()
    def fit(self, batches: Iterable[Frames]) -> None:
        """Fit to frames of axes (clip, time, …) in metres and distorted pixels.

        Raises `ConfigurationError` when three views never agree on a whole torso.
        """
        thinned = [_thinned(batch) for batch in batches]
        frames = Frames(*(torch.cat(column) for column in zip(*thinned, strict=True)))
        each_px = measure_noise_px(frames)
        usual_px = each_px.median()
        frames = rescale(frames, usual_px / each_px)
        robust = triangulate_in_bulk(
            frames._replace(detected=frames.detected & frames.view_mask[..., None]),
            RobustSettings(sigma_px=float(usual_px)),
        )
        confident = (robust.reason == 0) & (robust.agreeing >= CONFIDENT_VIEWS)
        points, solved = robust.points_world.flatten(0, 1), confident.flatten(0, 1)
        self._measure(points, solved)
        self.noise_px.copy_(usual_px)

    def _measure(self, points: Float[Tensor, "frame joint 3"], solved: Bool[Tensor, "frame joint"]) -> None:
        torso = list(self.skeleton.torso)
        framed = solved[:, [*torso, *_frame_joints(self.skeleton)]].all(-1)
        if not framed.any():
            raise ConfigurationError(
                "no training frame shows the actor's whole torso to three agreeing views"
            )
        points, solved = points[framed], solved[framed]
        local = (points - points[:, torso].mean(1, keepdim=True)) @ body_frame(
            points, self.skeleton
        ).world_from_body
        radius = masked_median(local.square().sum(-1), solved).mean().sqrt()
        unit_m = radius / _SIZE
        parents = [parent for parent, _ in self.skeleton.bones]
        children = [child for _, child in self.skeleton.bones]
        vectors = points[:, children] - points[:, parents]
        lengths = vectors.square().sum(-1).sqrt()
        both = solved[:, children] & solved[:, parents]
        self.unit_m.copy_(unit_m)
        self.mean_pose.copy_(masked_median(local, solved[..., None].expand_as(local)) / unit_m)
        self.bone_length.copy_(masked_median(lengths, both) / unit_m)
        if self.skeleton.bends:
            self._measure_bends(vectors / (lengths[..., None] + 1e-9), both)

    def _measure_bends(self, directions: Float[Tensor, "frame bone 3"], known: Tensor) -> None:
        inner, outer = (list(side) for side in zip(*self.skeleton.bends, strict=True))
        cosines = (directions[:, inner] * directions[:, outer]).sum(-1)
        both = known[:, inner] & known[:, outer]
        for bend in range(cosines.shape[1]):
            seen = cosines[both[:, bend], bend]
            if len(seen) >= _ENOUGH_BENDS:
                ends = torch.quantile(seen, seen.new_tensor([_RARE, 1.0 - _RARE]))
                spared = ends + ends.new_tensor([-_MARGIN, _MARGIN])
                self.bend_cosines[:, bend] = spared.clamp(-1.0, 1.0)


def masked_median(values: Tensor, mask: Tensor) -> Tensor:
    """Return the (lower) median over the first axis of what the mask keeps; 0 where it keeps nothing."""
    ordered = torch.where(mask, values, torch.inf).sort(0).values
    count = mask.sum(0)
    middle = ordered.gather(0, ((count - 1).clamp(min=0) // 2)[None])[0]
    return torch.where(count > 0, middle, 0.0)


def _thinned(frames: Frames) -> Frames:
    """Keep every fourth frame: neighbours say the same of noise and size."""
    return Frames(*(value[:, ::4] for value in frames))


def _frame_joints(skeleton: Skeleton) -> list[int]:
    if skeleton.frame is None:
        return []
    return [*skeleton.frame.lateral, *(skeleton.frame.forward or ())]
