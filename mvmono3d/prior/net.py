"""The whole skeleton's habits: where each joint should be, given all the others and the past."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.body import BodyPose
from mvmono3d.nn.recurrent import Memory

_LOG_PRECISION = 5.0
"""Logarithm of a guess's precision before training: a standard deviation of a twelfth of the actor."""


class Situation(NamedTuple):
    """What the prior sees of one frame set, in network units."""

    predicted: Float[Tensor, "clip joint 3"]
    """Where each joint's own motion leads."""
    predicted_variance: Float[Tensor, "clip joint"]
    measured: Float[Tensor, "clip joint 3"]
    """The joints triangulated from this frame set alone."""
    measured_variance: Float[Tensor, "clip joint"]
    age_s: Float[Tensor, "clip joint"]
    drift: Float[Tensor, "clip 3"]
    """How far the actor went since the last frame set."""
    body: BodyPose


class PseudoMeasurement(NamedTuple):
    """A guess at every joint with its precision: to be weighed like any other measurement."""

    points: Float[Tensor, "clip joint 3"]
    precision: Float[Tensor, "clip joint"]
    hidden: Float[Tensor, "clip width"]
    """The memory after this frame set."""


class PriorNet(nn.Module):
    """A gated recurrent unit over the skeleton in its own frame that corrects each joint's prediction.

    It sees what the filter believes, so that its guesses continue the answer and not the noise of a frame.
    """

    INPUTS = 9
    """Per joint: predicted position, innovation, two log variances, age."""

    def __init__(self, *, skeleton: Skeleton, width: int) -> None:
        super().__init__()
        joints = len(skeleton.joints)
        self.joints, self.width = joints, width
        self.enter = nn.Linear(joints * self.INPUTS + 3, width)
        self.memory = Memory(width)
        self.head = nn.Linear(2 * width, joints * 4)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()

    def forward(
        self,
        seen: Situation,
        *,
        mean_pose: Float[Tensor, "joint 3"],
        hidden: Float[Tensor, "clip width"],
    ) -> PseudoMeasurement:
        """Guess every joint of one frame set from the whole skeleton and the past."""
        turn = seen.body.world_from_body
        per_joint = [
            3.0 * (seen.body.into(seen.predicted) - mean_pose),
            (10.0 * (seen.measured - seen.predicted) @ turn).clamp(-4.0, 4.0),
            0.3 * torch.log(400.0 * seen.predicted_variance + 1e-3)[..., None],
            0.3 * torch.log(400.0 * seen.measured_variance + 1e-3)[..., None],
            torch.log1p(10.0 * seen.age_s)[..., None],
        ]
        drift = (20.0 * seen.drift[..., None, :] @ turn)[..., 0, :].clamp(-4.0, 4.0)
        entered = torch.relu(self.enter(torch.cat([torch.cat(per_joint, dim=-1).flatten(-2), drift], dim=-1)))
        remembered, last = self.memory(entered[:, None], hidden[None])
        output = self.head(torch.cat([entered, remembered[:, 0]], dim=-1)).unflatten(-1, (self.joints, 4))
        points = seen.predicted + (0.3 * output[..., :3]) @ turn.mT
        precision = torch.exp(output[..., 3].clamp(-6.0, 6.0) + _LOG_PRECISION)
        return PseudoMeasurement(points, precision, last[0])

    def start(self, *, batch: int) -> Float[Tensor, "clip width"]:
        """Return the memory before the first frame."""
        return torch.zeros(batch, self.width, device=self.enter.weight.device)
