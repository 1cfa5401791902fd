"""What a network must be to become a graph: plain tensors of one set of frames in and out."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn


class GraphOutputs(NamedTuple):
    """What the graph gives, in the order of `deploy.interface.OUTPUTS`."""

    points_world: Float[Tensor, "joint 3"]
    covariance_world: Float[Tensor, "joint 3 3"]
    source: Int[Tensor, " joint"]
    decided_by: Int[Tensor, " joint"]
    reason: Int[Tensor, " joint"]
    weights: Float[Tensor, "view joint"]
    occlusion_logits: Float[Tensor, "view joint 4"]
    next_state: Float[Tensor, " state"]


class GraphNetwork(nn.Module):
    """A network that takes `deploy.interface.INPUTS` and gives `OUTPUTS`, in that order, without batch."""

    state_size: int
    """How many numbers it remembers; it starts with zeros."""
