"""The whole skeleton's habits: where each joint should be, given all the others and the past."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.body import BodyPose
from mvmono3d.nn.habits import HABITS
from mvmono3d.nn.recurrent import Memory


class PseudoMeasurement(NamedTuple):
    """A guess at every joint with its precision: to be weighed like any other measurement."""

    points: Float[Tensor, "clip time joint 3"]
    precision: Float[Tensor, "clip time joint"]
    habits: Float[Tensor, "clip time joint habit"]
    """How each joint moves at present: added to what the filter chooses from its own view of the joint."""
    hidden: Float[Tensor, "clip width"]
    """The memory after the last frame."""


class PriorNet(nn.Module):
    """A gated recurrent unit over the skeleton in its own frame."""

    INPUTS = 8
    """Per joint: position, motion, log variance, age."""

    def __init__(self, *, skeleton: Skeleton, width: int) -> None:
        super().__init__()
        joints = len(skeleton.joints)
        self.joints, self.width, self.outputs = joints, width, 4 + HABITS
        self.enter = nn.Linear(joints * self.INPUTS + 3, width)
        self.memory = Memory(width)
        self.head = nn.Linear(2 * width, joints * self.outputs)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()

    def forward(
        self,
        points: Float[Tensor, "clip time joint 3"],
        *,
        variance: Float[Tensor, "clip time joint"],
        motion: Float[Tensor, "clip time joint 3"],
        age_s: Float[Tensor, "clip time joint"],
        drift: Float[Tensor, "clip time 3"],
        body: BodyPose,
        mean_pose: Float[Tensor, "joint 3"],
        hidden: Float[Tensor, "clip width"],
    ) -> PseudoMeasurement:
        """Guess every joint from each frame's points (network units, with their variance) and the past.

        `motion` and `drift` are the displacements of the points and of the whole actor since the last
        frame, in world axes.
        """
        per_joint = [
            3.0 * (body.into(points) - mean_pose),
            (20.0 * motion @ body.world_from_body).clamp(-4.0, 4.0),
            0.3 * torch.log(400.0 * variance + 1e-3)[..., None],
            torch.log1p(10.0 * age_s)[..., None],
        ]
        turned = (drift[..., None, :] @ body.world_from_body)[..., 0, :]
        inputs = [torch.cat(per_joint, dim=-1).flatten(-2), (20.0 * turned).clamp(-4.0, 4.0)]
        entered = torch.relu(self.enter(torch.cat(inputs, dim=-1)))
        remembered, last = self.memory(entered, hidden[None])
        output = self.head(torch.cat([entered, remembered], dim=-1)).unflatten(
            -1, (self.joints, self.outputs)
        )
        guess = body.out_of(mean_pose + 0.5 * output[..., :3])
        precision = torch.exp(output[..., 3].clamp(-6.0, 6.0) + 5.0)
        return PseudoMeasurement(guess, precision, output[..., 4:], last[0])

    def start(self, *, batch: int) -> Float[Tensor, "clip width"]:
        """Return the memory before the first frame."""
        return torch.zeros(batch, self.width, device=self.enter.weight.device)
