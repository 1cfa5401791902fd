"""The whole skeleton's habits: where each joint should be, given all the others and the past."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton


class BodyPose(NamedTuple):
    """The actor's own frame."""

    origin: Float[Tensor, "*batch 3"]
    world_from_body: Float[Tensor, "*batch 3 3"]

    def into(self, points: Float[Tensor, "*batch joint 3"]) -> Float[Tensor, "*batch joint 3"]:
        """Express world points in the actor's frame."""
        return (points - self.origin[..., None, :]) @ self.world_from_body

    def out_of(self, points: Float[Tensor, "*batch joint 3"]) -> Float[Tensor, "*batch joint 3"]:
        """Express points of the actor's frame in the world."""
        return points @ self.world_from_body.mT + self.origin[..., None, :]


class PseudoMeasurement(NamedTuple):
    """A guess at every joint with its precision: to be weighed like any other measurement."""

    points: Float[Tensor, "*batch joint 3"]
    precision: Float[Tensor, "*batch joint"]
    hidden: Float[Tensor, "*batch width"]


class PriorNet(nn.Module):
    """A gated recurrent unit over the skeleton in its own frame."""

    INPUTS = 9
    """Per joint: position, motion, log variance, log information, age."""

    def __init__(self, *, skeleton: Skeleton, width: int) -> None:
        super().__init__()
        joints = len(skeleton.joints)
        self.joints, self.width = joints, width
        self.enter = nn.Linear(joints * self.INPUTS + 3, width)
        self.memory = nn.GRUCell(width, width)
        self.head = nn.Linear(2 * width, joints * 4)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()

    def forward(
        self,
        points: Float[Tensor, "batch joint 3"],
        *,
        variance: Float[Tensor, "batch joint"],
        motion: Float[Tensor, "batch joint 3"],
        age_s: Float[Tensor, "batch joint"],
        drift: Float[Tensor, "batch 3"],
        body: BodyPose,
        mean_pose: Float[Tensor, "joint 3"],
        hidden: Float[Tensor, "batch width"],
    ) -> PseudoMeasurement:
        """Guess every joint from this frame's points (network units, with their variance) and the past.

        `motion` and `drift` are the displacements of the points and of the whole actor since the last
        frame, in world axes.
        """
        batch = points.shape[0]
        local = body.into(points) - mean_pose
        per_joint = [
            3.0 * local,
            (20.0 * motion @ body.world_from_body).clamp(-4.0, 4.0),
            0.3 * torch.log(400.0 * variance + 1e-3)[..., None],
            0.3 * torch.log(1e-2 / variance.clamp(min=1e-9) + 1e-3)[..., None],
            torch.log1p(10.0 * age_s)[..., None],
        ]
        flat = torch.cat(per_joint, dim=-1).reshape(batch, -1)
        turned = (drift[:, None, :] @ body.world_from_body)[:, 0]
        entered = torch.relu(self.enter(torch.cat([flat, (20.0 * turned).clamp(-4.0, 4.0)], dim=-1)))
        hidden = self.memory(entered, hidden)
        output = self.head(torch.cat([entered, hidden], dim=-1)).reshape(batch, self.joints, 4)
        guess = body.out_of(mean_pose + 0.5 * output[..., :3])
        return PseudoMeasurement(guess, torch.exp(output[..., 3].clamp(-6.0, 6.0) + 5.0), hidden)
