"""Bone lengths learned while running, and joints pulled onto them and within the limits of their bends."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton

_FORGET = 0.998
"""Per frame set: half of what is known is replaced in about 350 frames."""
_RELAXATION = 0.6
"""Share of a bone's error that one sweep removes; below 1 because sweeps correct all bones at once."""


class BoneMemory(NamedTuple):
    """Weighted sums behind the running mean length of every bone."""

    length: Float[Tensor, "*batch bone"]
    weight: Float[Tensor, "*batch bone"]


class BoneConstancy(nn.Module):
    """Estimate every rigid bone's length online and move uncertain joints to satisfy it.

    Jacobi sweeps of position-based constraints (Müller et al., Position Based Dynamics, 2007), each joint
    moved in proportion to its own variance, so that well-measured joints stay. A bend, where one bone goes on
    into the next, limits the distance between the outer joints by the law of cosines; it pulls only outside.
    """

    incidence: Tensor
    rigid: Tensor
    stiffness: Tensor
    inner: Tensor
    outer: Tensor

    def __init__(self, *, skeleton: Skeleton, sweeps: int, tolerance: float) -> None:
        super().__init__()
        self.sweeps, self.tolerance = sweeps, tolerance
        bones, joints = skeleton.bones, len(skeleton.joints)
        self.bone_starts = [parent for parent, _ in bones]
        self.bone_ends = [child for _, child in bones]
        inner, outer = (
            (list(side) for side in zip(*skeleton.bends, strict=True)) if skeleton.bends else ([], [])
        )
        starts = self.bone_starts + [self.bone_starts[bone] for bone in inner]
        ends = self.bone_ends + [self.bone_ends[bone] for bone in outer]
        incidence = torch.zeros(len(starts), joints)
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            incidence[row, start], incidence[row, end] = -1.0, 1.0
        rigid = torch.tensor([0.0 if skeleton.flexible[child] else 1.0 for _, child in bones])
        stiffness = torch.cat([rigid, rigid[inner] * rigid[outer]]) * _RELAXATION
        self.register_buffer("incidence", incidence, persistent=False)
        self.register_buffer("rigid", rigid, persistent=False)
        self.register_buffer("stiffness", stiffness, persistent=False)
        self.register_buffer("inner", torch.tensor(inner, dtype=torch.int64), persistent=False)
        self.register_buffer("outer", torch.tensor(outer, dtype=torch.int64), persistent=False)

    def start(self, usual_length: Float[Tensor, "batch bone"]) -> BoneMemory:
        """Return the memory before the first frame: the usual lengths, hardly trusted."""
        weight = torch.full_like(usual_length, 1e-2)
        return BoneMemory(usual_length * weight, weight)

    def forward(
        self,
        points: Float[Tensor, "batch joint 3"],
        *,
        variance: Float[Tensor, "batch joint"],
        memory: BoneMemory,
        bend_cosines: Float[Tensor, "2 bend"],
    ) -> tuple[Float[Tensor, "batch joint 3"], BoneMemory]:
        """Return the points moved onto the lengths, and the memory with this frame in it.

        `bend_cosines` are the least and the greatest cosine of the angle between the directions of
        the two bones of each bend.
        """
        movable = variance[..., None]
        both = self.incidence.abs() @ movable
        memory = self._learn(points, both[..., 0], memory)
        shortest, longest = self._limits(memory, bend_cosines)
        pulling = self.stiffness[:, None] / (both + self.tolerance)
        # A joint of many bones, pulled by all of them at once, would overshoot, sweep after sweep.
        mobility = movable / (movable * (self.incidence.abs().T @ pulling)).clamp(min=1.0)
        for _ in range(self.sweeps):
            vector, length = self._spans(points)
            target = torch.minimum(torch.maximum(length, shortest), longest)
            pull = vector * ((1.0 - target / length) * pulling)
            # Each bone pulls its child back and its parent along; `incidence` sums the pulls per joint.
            points = points - mobility * (self.incidence.T @ pull)
        return points, memory

    def _limits(self, memory: BoneMemory, bend_cosines: Tensor) -> tuple[Tensor, Tensor]:
        """Return the least and the greatest length of every bone and across every bend."""
        usual = memory.length / memory.weight
        first, second = usual.index_select(-1, self.inner), usual.index_select(-1, self.outer)
        squared = first.square() + second.square() + 2.0 * first * second * bend_cosines[:, None]
        across = squared.clamp(min=1e-8).sqrt()
        both = torch.cat([usual.expand(2, *usual.shape), across], dim=-1)[..., None]
        return both[0], both[1]

    def _spans(self, points: Tensor) -> tuple[Tensor, Tensor]:
        vector = self.incidence @ points
        return vector, (vector.square().sum(-1, keepdim=True) + 1e-8).sqrt()

    def _learn(self, points: Tensor, both: Tensor, memory: BoneMemory) -> BoneMemory:
        bones = len(self.bone_starts)
        length = self._spans(points)[1][..., :bones, 0].detach()
        # Only joints that are measured well teach their bone: the weight falls with variance squared.
        weight = (1e-3 / (both[..., :bones].detach() + 1e-4)).square().clamp(max=10.0)
        # What is no number must not stay in the memory for good.
        known = length * weight < torch.inf
        weight, length = torch.where(known, weight, 0.0), torch.where(known, length, 0.0)
        return BoneMemory(_FORGET * memory.length + weight * length, _FORGET * memory.weight + weight)
