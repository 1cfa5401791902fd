"""What a loss compares with: true joints, the consensus of the views, or both, each clip what it has."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.nn.clearance import Clearance
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.units import Units, masked_median

_SMOOTHING_S = 0.015
"""Standard deviation of the kernel that averages the consensus over neighbouring frames."""
_VISIBLE_PX, _HIDDEN_PX = 2.0, 4.0
"""A detection nearer than the first is visible, farther than the second is not; in units of its noise."""


class Target(NamedTuple):
    """Joints to reach, in network units, with the variance of the target itself."""

    points: Float[Tensor, "clip time joint 3"]
    reliable: Bool[Tensor, "clip time joint"]
    independent: Bool[Tensor, " clip"]
    """Whether the target's error has nothing to do with the measurements: true of labels only."""
    variance: Float[Tensor, "clip time joint"]
    states: Int[Tensor, "clip time view joint"]
    labelled: Bool[Tensor, "clip time view joint"]


TargetMaker = Callable[[Clip, Evidence, Units], Target]
"""Makes the target of a batch from its clips and their evidence with nothing hidden."""


class TruthTarget(nn.Module):
    """The true joints and occlusion states of labelled clips."""

    def forward(self, batch: Clip, evidence: Evidence, units: Units) -> Target:
        """Return the labels; raises `ConfigurationError` when the clips have none."""
        if batch.truth is None or batch.occlusion is None:
            raise ConfigurationError(
                "these clips have no 3D labels: train them with experiment=ssl_multiview, "
                "recordings with experiment=bootstrap"
            )
        points = batch.truth.points_world / units.unit_m
        return Target(
            points=points,
            reliable=batch.truth.source > 0,
            independent=_every_clip(points, independent=True),
            variance=torch.zeros_like(points[..., 0]),
            states=batch.occlusion.state,
            labelled=batch.occlusion.labelled,
        )


class ConsensusTarget(nn.Module):
    """Self-supervision: what three or more views agree on, averaged over neighbouring frames.

    Occlusion states follow from it: a detection near the consensus is visible; one far from it, or none
    where the joint should be in the image, is hidden: by the actor where a capsule stands in the way, by
    an object otherwise. No label of the clip is read.
    """

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.clearance = Clearance(skeleton=skeleton)
        self.bone_starts = [parent for parent, _ in skeleton.bones]
        self.bone_ends = [child for _, child in skeleton.bones]
        self.flexible = torch.tensor([skeleton.flexible[child] for child in self.bone_ends])

    @torch.no_grad()
    def forward(self, batch: Clip, evidence: Evidence, units: Units) -> Target:
        """Return pseudo-labels from the evidence; of `batch` only the images' sizes are read."""
        points, reliable, variance = _smooth(evidence)
        reliable = reliable & self._plausible(points, reliable)
        states, labelled = self._states(batch, evidence, points, reliable=reliable, units=units)
        return Target(
            points=points,
            reliable=reliable,
            independent=_every_clip(points, independent=False),
            variance=variance,
            states=states,
            labelled=labelled,
        )

    def _plausible(self, points: Tensor, reliable: Tensor) -> Tensor:
        """Refuse joints whose bone is far from its median length in the clip."""
        lengths = (points[:, :, self.bone_ends] - points[:, :, self.bone_starts]).square().sum(-1).sqrt()
        both = reliable[:, :, self.bone_ends] & reliable[:, :, self.bone_starts]
        middle = masked_median(lengths.transpose(0, 1), both.transpose(0, 1))[:, None]
        fits = ((lengths - middle).abs() < 0.03 + 0.15 * middle) | self.flexible.to(points.device)
        good = torch.ones_like(reliable)
        good[:, :, self.bone_ends] = fits | ~both
        return good

    def _states(
        self, batch: Clip, evidence: Evidence, points: Tensor, *, reliable: Tensor, units: Units
    ) -> tuple[Tensor, Tensor]:
        frames = evidence.frames
        projection = project(points, lens=frames.lens, camera_from_world=frames.camera_from_world)
        distance = (frames.pixels - projection.pixels).square().sum(-1).sqrt()
        near = frames.detected & (distance < _VISIBLE_PX)
        hidden = ~frames.detected | (distance > _HIDDEN_PX)
        gap = self.clearance(points, camera_from_world=frames.camera_from_world, unit_m=units.unit_m)
        states = torch.where(gap < 0, int(OcclusionState.SELF), int(OcclusionState.OBJECT))
        states = torch.where(near, int(OcclusionState.VISIBLE), states)
        silent = ~frames.detected.any(-1, keepdim=True) | ~_imaged(points * units.unit_m, batch.rig)
        states = torch.where(silent, int(OcclusionState.UNKNOWN), states)
        labelled = (reliable[:, :, None] & (near | hidden)) | silent
        return states, labelled & frames.view_mask[..., None]


class MixedTarget(nn.Module):
    """Labels where a clip has them, the consensus of its views elsewhere.

    A clip is unlabelled when all its true joints are missing. Validation (a module in `eval`) sees the
    consensus alone: a run on few labels must not choose its best weights with the help of more.
    """

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.consensus, self.truth = ConsensusTarget(skeleton=skeleton), TruthTarget()

    def forward(self, batch: Clip, evidence: Evidence, units: Units) -> Target:
        """Return labels and pseudo-labels, clip by clip."""
        consensus = self.consensus(batch, evidence, units)
        if batch.truth is None or batch.occlusion is None or not self.training:
            return consensus
        labelled = (batch.truth.source > 0).flatten(1).any(1)
        both = zip(self.truth(batch, evidence, units), consensus, strict=True)
        return Target(*(torch.where(_along(labelled, like=one), one, other) for one, other in both))


def _every_clip(points: Tensor, *, independent: bool) -> Bool[Tensor, " clip"]:
    return torch.full(points.shape[:1], independent, dtype=torch.bool, device=points.device)


def _along(clips: Bool[Tensor, " clip"], *, like: Tensor) -> Tensor:
    """Give a tensor of clips the axes of another one."""
    return clips.reshape(-1, *(1 for _ in like.shape[1:]))


def _imaged(points_world: Tensor, rig: Rig) -> Tensor:
    """Say which joints lie inside which image, distortion included."""
    projection = project(
        points_world, lens=rig.camera.lens[:, None], camera_from_world=rig.camera_from_world[:, None]
    )
    return projection.in_front & inside_image(projection.pixels, rig.camera.size_px[:, None])


def _smooth(evidence: Evidence) -> tuple[Tensor, Tensor, Tensor]:
    """Fit a line to the confident consensus around each frame, weighted by a Gaussian kernel in time.

    A line rather than a mean: the end of a clip or of a gap has neighbours on one side only, and a mean
    would lag behind the motion (Cleveland, 1979). Returns points, where they can be relied on, variance.
    """
    clock = evidence.frames.time_step_s.cumsum(1)
    offset = (clock[:, None, :] - clock[:, :, None]) / _SMOOTHING_S
    kernel = torch.exp(-0.5 * offset.square())
    kernel = torch.where(kernel > 1e-3, kernel, 0.0)
    weight = (evidence.confident * (evidence.agreeing - 2).clamp(min=0)).to(kernel.dtype)
    s0, s1, s2 = kernel @ weight, (kernel * offset) @ weight, (kernel * offset.square()) @ weight
    # Ridge on the slope: a single neighbour is no ground for extrapolation.
    determinant = (s0 * (s2 + 0.1) - s1.square()).clamp(min=1e-6)
    flat = (weight[..., None] * evidence.points).flatten(2)
    x0 = (kernel @ flat).unflatten(2, (-1, 3))
    x1 = ((kernel * offset) @ flat).unflatten(2, (-1, 3))
    points = ((s2 + 0.1)[..., None] * x0 - s1[..., None] * x1) / determinant[..., None]
    single = evidence.covariance.diagonal(dim1=-2, dim2=-1).sum(-1) / 3.0
    variance = (kernel.square() @ (weight.square() * single)) / s0.clamp(min=1e-3).square()
    return points, evidence.confident & (s0 > 0.8), variance
