"""Immutable records of arrays: map a function over them, stack them, slice them.

A record's fields are arrays, records of arrays, or static values (names, a skeleton) that must be
equal wherever records are combined. `None` marks an optional field that is absent.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from mvmono3d.core.array import Array, namespace
from mvmono3d.errors import InvalidRecordError

RecordType = TypeVar("RecordType", bound="Record")


class Record:
    """Base of the frozen dataclasses that hold arrays."""

    __slots__ = ()

    def map(self: RecordType, function: Callable[[Array], Array]) -> RecordType:
        """Return the record with `function` applied to every array in it."""
        changed: dict[str, Any] = {}
        for name, value in _items(self):
            if isinstance(value, Record):
                changed[name] = value.map(function)
            elif _is_array(value):
                changed[name] = function(value)
        return _replace(self, changed)

    def to(self: RecordType, device: Any) -> RecordType:
        """Move every (torch) array to a device; dtypes stay as they are."""
        return self.map(lambda array: array.to(device))

    @classmethod
    def stack(cls: type[RecordType], records: Sequence[RecordType]) -> RecordType:
        """Stack records of equal shape along a new first axis."""
        return _combine(records, lambda arrays: namespace(*arrays).stack(arrays, axis=0))

    @classmethod
    def concatenate(cls: type[RecordType], records: Sequence[RecordType]) -> RecordType:
        """Concatenate records along their first axis."""
        return _combine(records, lambda arrays: namespace(*arrays).concat(arrays, axis=0))


def _items(record: Record) -> list[tuple[str, Any]]:
    return [(field.name, getattr(record, field.name)) for field in fields(cast(Any, record))]


def _replace(record: RecordType, changed: dict[str, Any]) -> RecordType:
    return cast(RecordType, replace(cast(Any, record), **changed)) if changed else record


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _combine(records: Sequence[RecordType], join: Callable[[list[Array]], Array]) -> RecordType:
    if not records:
        raise InvalidRecordError("no records to combine: expected at least one")
    first = records[0]
    changed: dict[str, Any] = {}
    for name, value in _items(first):
        values = [getattr(record, name) for record in records]
        if isinstance(value, Record):
            changed[name] = _combine(values, join)
        elif _is_array(value):
            changed[name] = join(values)
        elif any(other != value for other in values):
            kind = type(first).__name__
            raise InvalidRecordError(f"can't combine {kind} records whose {name!r} differ: {values[:3]}")
    return _replace(first, changed)
