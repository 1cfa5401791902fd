"""Nested groups of tensors, taken apart and put together along time."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

Group = TypeVar("Group", bound=tuple[Any, ...])


def at_time(group: Group, time: int) -> Group:
    """Take one frame set out of a (nested) group of tensors with axes (clip, time, …)."""
    return _build(
        group, [value[:, time] if isinstance(value, Tensor) else at_time(value, time) for value in group]
    )


def stack_time(groups: Sequence[Group]) -> Group:
    """Put frame sets together again: the inverse of `at_time`."""
    columns = zip(*groups, strict=True)
    return _build(
        groups[0],
        [
            torch.stack(column, dim=1) if isinstance(column[0], Tensor) else stack_time(column)
            for column in columns
        ],
    )


def _build(like: Group, values: list[Any]) -> Group:
    return cast(Group, type(like)(*values))
