"""Everything that the reconstructor remembers from frame to frame, and its flat form for export."""

import math
from typing import Any, NamedTuple, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor

from mvmono3d.imputation.bones import BoneMemory
from mvmono3d.imputation.imputer import FilterMemory
from mvmono3d.pipeline.perception import PerceptionMemory


class State(NamedTuple):
    """The memory of one actor in network units. Every tensor's first axis is the actor (clip)."""

    perception: PerceptionMemory
    filter: FilterMemory
    unmeasured_s: Float[Tensor, "clip joint"]
    """Time since each joint's answer last rested on pixels."""


def pack(state: State, *, start: State) -> Float[Tensor, "clip number"]:
    """Flatten what a state adds to the start to one row per actor: the exported graph's `state`.

    Whoever runs the graph starts with zeros. Only bones start with anything else, and only they are
    subtracted: an engine pays for the whole row.
    """
    begun = start.filter.bones
    bones = BoneMemory(state.filter.bones.length - begun.length, state.filter.bones.weight - begun.weight)
    state = state._replace(filter=state.filter._replace(bones=bones))
    return torch.cat([leaf.reshape(leaf.shape[0], -1).to(torch.float32) for leaf in _leaves(state)], dim=1)


def unpack(flat: Float[Tensor, "clip number"], *, start: State) -> State:
    """Rebuild a state from what it adds to the start."""
    leaves = _leaves(start)
    parts = flat.split([math.prod(leaf.shape[1:]) for leaf in leaves], dim=1)
    shaped = [part.reshape(-1, *leaf.shape[1:]) for part, leaf in zip(parts, leaves, strict=True)]
    typed = [
        part > 0.5 if leaf.dtype == torch.bool else part for part, leaf in zip(shaped, leaves, strict=True)
    ]
    state, begun = _rebuild(start, iter(typed)), start.filter.bones
    bones = BoneMemory(state.filter.bones.length + begun.length, state.filter.bones.weight + begun.weight)
    return state._replace(filter=state.filter._replace(bones=bones))


Group = TypeVar("Group", bound=tuple[Any, ...])


def _leaves(group: tuple[Any, ...]) -> list[Tensor]:
    leaves: list[Tensor] = []
    for value in group:
        leaves.extend([value] if isinstance(value, Tensor) else _leaves(value))
    return leaves


def _rebuild(like: Group, leaves: Any) -> Group:
    values = [next(leaves) if isinstance(value, Tensor) else _rebuild(value, leaves) for value in like]
    return cast(Group, type(like)(*values))
