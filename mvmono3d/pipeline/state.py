"""Everything that the reconstructor remembers from frame to frame, and its flat form for export."""

import math
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.imputation.bones import BoneMemory
from mvmono3d.imputation.filter import Motion


class State(NamedTuple):
    """The memory of one actor in network units. Shapes hold for the start, too: nothing is optional."""

    pixels: Float[Tensor, "batch view joint 2"]
    detected: Bool[Tensor, "batch view joint"]
    seen: Bool[Tensor, "batch joint"]
    """Whether the joint was ever solved."""
    age_s: Float[Tensor, "batch joint"]
    """Time since the joint was last solved by the robust consensus."""
    unmeasured_s: Float[Tensor, "batch joint"]
    """Time since the joint's answer last rested on pixels."""
    motion: Motion
    triangulated: Float[Tensor, "batch joint 3"]
    origin: Float[Tensor, "batch 3"]
    axes: Float[Tensor, "batch 6"]
    """The first two axes of the actor's frame, smoothed."""
    occlusion: Float[Tensor, "batch view joint width"]
    prior: Float[Tensor, "batch width"]
    bones: BoneMemory


def pack(state: State) -> Float[Tensor, "batch number"]:
    """Flatten a state to one row per actor: the exported graph's `state`."""
    parts = _leaves(state)
    return torch.cat([part.flatten(1).to(torch.float32) for part in parts], dim=1)


def unpack(flat: Float[Tensor, "batch number"], *, like: State) -> State:
    """Rebuild a state of the shapes and types of `like`."""
    batch, place = flat.shape[0], 0
    leaves: list[Tensor] = []
    for leaf in _leaves(like):
        size = math.prod(leaf.shape[1:])
        part = flat[:, place : place + size].reshape(batch, *leaf.shape[1:])
        leaves.append(part > 0.5 if leaf.dtype == torch.bool else part)
        place += size
    return _rebuild(like, leaves)


def _leaves(state: State) -> list[Tensor]:
    leaves: list[Tensor] = []
    for value in state:
        leaves.extend(value if isinstance(value, tuple) else (value,))
    return leaves


def _rebuild(like: State, leaves: list[Tensor]) -> State:
    remaining = iter(leaves)
    values = [
        type(value)(*(next(remaining) for _ in value)) if isinstance(value, tuple) else next(remaining)
        for value in like
    ]
    return State(*cast(Any, values))
