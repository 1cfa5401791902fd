"""The fields of every message, told from the records: FlatBuffers, Protocol Buffers and pages are made of it.

Neither format nests lists. Numbers in nested lists therefore lie row by row in one list; a table of entries
with `key` and `value` stands for a dictionary.
"""

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from mvmono3d.deploy.server import messages
from mvmono3d.deploy.server.messages import ServerMessage

Scalar = Literal["int", "float", "bool", "string", "bytes"]
_SCALARS: dict[type, Scalar] = {int: "int", float: "float", bool: "bool", str: "string", bytes: "bytes"}

MESSAGES: tuple[type[msgspec.Struct], ...] = get_args(ServerMessage)
"""In the order of the union's numbers, which never changes: new ones go to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A message, a part of one, or an entry of a dictionary."""

    name: str
    fields: tuple["WireField", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireField:
    """One field: a scalar, many scalars, a table, or many tables."""

    name: str
    kind: Scalar | Table
    depth: int = 0
    """How many lists stand around the kind."""
    optional: bool = False
    entries: bool = False
    """Whether the tables are entries of a dictionary."""

    @property
    def many(self) -> bool:
        """Whether it is a list."""
        return self.depth > 0


@cache
def table_of(struct: type[msgspec.Struct]) -> Table:
    """Return the fields of a record, in the order in which they are written there."""
    hints = get_type_hints(struct)
    fields = tuple(_field(struct.__name__, name, hints[name]) for name in struct.__struct_fields__)
    return Table(name=struct.__name__, fields=fields)


def _field(owner: str, name: str, hint: Any) -> WireField:
    if isinstance(hint, UnionType):
        (inner,) = (part for part in get_args(hint) if part is not NoneType)
        found = _field(owner, name, inner)
        return WireField(name=name, kind=found.kind, depth=found.depth, optional=True)
    if get_origin(hint) is dict:
        value = _field(owner, "value", get_args(hint)[1])
        entry = Table(
            name=f"{owner}{name.title().replace('_', '')}Entry",
            fields=(WireField(name="key", kind="string"), value),
        )
        return WireField(name=name, kind=entry, depth=1, entries=True)
    if get_origin(hint) in (list, tuple):
        inner = _field(owner, name, get_args(hint)[0])
        return WireField(name=name, kind=inner.kind, depth=inner.depth + 1)
    if hint in _SCALARS:
        return WireField(name=name, kind=_SCALARS[hint])
    return WireField(name=name, kind=table_of(hint))


def all_tables() -> list[Table]:
    """Return every table, each after those that it is made of."""
    found: dict[str, Table] = {}

    def visit(table: Table) -> None:
        for field in table.fields:
            if isinstance(field.kind, Table):
                visit(field.kind)
        found.setdefault(table.name, table)

    for message in MESSAGES:
        visit(table_of(message))
    return list(found.values())


def flat(value: Any) -> list[Any]:
    """Return the scalars of nested lists, row by row."""
    if value and isinstance(value[0], list | tuple):
        return [scalar for row in value for scalar in flat(row)]
    return list(value)


def entries_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a dictionary as the list of its entries."""
    return [{"key": key, "value": item} for key, item in value.items()]


def value_of(record: Any, name: str) -> Any:
    """Return a field of a record, or of an entry."""
    return record[name] if isinstance(record, dict) else getattr(record, name)


@cache
def field_notes() -> dict[tuple[str, str], str]:
    """Return what the source says below each field, by class and field."""
    notes: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(messages)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        notes[node.name, ""] = ast.get_docstring(node) or ""
        for field, after in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                notes[node.name, field.target.id] = " ".join(str(after.value.value).split())
    return notes
