"""Bone lengths learned while running, and joints pulled onto them."""

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
    moved in proportion to its own variance, so that well-measured joints stay.
    """

    incidence: Tensor
    rigid: Tensor

    def __init__(self, *, skeleton: Skeleton, sweeps: int, tolerance: float) -> None:
        super().__init__()
        self.sweeps, self.tolerance = sweeps, tolerance
        bones, joints = skeleton.bones, len(skeleton.joints)
        self.bone_starts = [parent for parent, _ in bones]
        self.bone_ends = [child for _, child in bones]
        incidence = torch.zeros(len(bones), joints)
        for bone, (parent, child) in enumerate(bones):
            incidence[bone, parent], incidence[bone, child] = -1.0, 1.0
        rigid = torch.tensor([0.0 if skeleton.flexible[child] else 1.0 for _, child in bones])
        self.register_buffer("incidence", incidence, persistent=False)
        self.register_buffer("rigid", rigid, persistent=False)

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
    ) -> tuple[Float[Tensor, "batch joint 3"], BoneMemory]:
        """Return the points moved onto the lengths, and the memory with this frame in it."""
        movable = variance[..., None]
        both = self.incidence.abs() @ movable
        memory = self._learn(points, both[..., 0], memory)
        target = (memory.length / memory.weight)[..., None]
        stiffness = (self.rigid * _RELAXATION)[:, None] / (both + self.tolerance)
        for _ in range(self.sweeps):
            vector, length = self._bones(points)
            pull = vector * ((1.0 - target / length) * stiffness)
            # Each bone pulls its child back and its parent along; `incidence` sums the pulls per joint.
            points = points - movable * (self.incidence.T @ pull)
        return points, memory

    def _bones(self, points: Tensor) -> tuple[Tensor, Tensor]:
        vector = self.incidence @ points
        return vector, (vector.square().sum(-1, keepdim=True) + 1e-8).sqrt()

    def _learn(self, points: Tensor, both: Tensor, memory: BoneMemory) -> BoneMemory:
        length = self._bones(points)[1][..., 0].detach()
        # Only joints that are measured well teach their bone: the weight falls with variance squared.
        weight = (1e-3 / (both.detach() + 1e-4)).square().clamp(max=10.0)
        return BoneMemory(_FORGET * memory.length + weight * length, _FORGET * memory.weight + weight)
