"""Messages as FlatBuffers: the schema's text, and bytes that its generated code reads.

The root is `Envelope`, whose union tells the messages apart. Fields are numbered as in the records.
"""

from typing import Any

import flatbuffers
import numpy as np

from mvmono3d.deploy.server.fields import (
    MESSAGES,
    Table,
    WireField,
    all_tables,
    entries_of,
    field_notes,
    flat,
    table_of,
    value_of,
)
from mvmono3d.deploy.server.messages import SCHEMA, Message

IDENTIFIER = f"MVM{SCHEMA}"
_TEXT = {"int": "long", "float": "double", "bool": "bool", "string": "string", "bytes": "[ubyte]"}
_MANY = {"int": "[short]", "float": "[double]", "bool": "[bool]", "string": "[string]"}
_DTYPES = {"int": np.int16, "float": np.float64, "bool": np.bool_}


def flatbuffer_schema() -> str:
    """Return the text of `pose_stream.fbs`."""
    notes = field_notes()
    lines = [
        f"// The pose stream of MVMono3D, schema {SCHEMA}; written by mvmono3d.deploy.server.schema.",
        "// Nested lists of numbers lie row by row in one vector.",
        "namespace mvmono3d;",
    ]
    for table in all_tables():
        note = notes.get((table.name, ""))
        lines += ["", *([f"/// {note.splitlines()[0]}"] if note else []), f"table {table.name} {{"]
        for field in table.fields:
            comment = notes.get((table.name, field.name))
            lines += [f"  /// {comment}"] if comment else []
            lines.append(f"  {field.name}:{_type(field)};")
        lines.append("}")
    union = ", ".join(message.__name__ for message in MESSAGES)
    lines += ["", f"union AnyMessage {{ {union} }}", "", "table Envelope {", "  message:AnyMessage;", "}"]
    return "\n".join([*lines, "", "root_type Envelope;", f'file_identifier "{IDENTIFIER}";', ""])


def _type(field: WireField) -> str:
    if isinstance(field.kind, Table):
        return f"[{field.kind.name}]" if field.many else field.kind.name
    text = _MANY[field.kind] if field.many else _TEXT[field.kind]
    return f"{text} = null" if field.optional and field.kind in ("int", "float", "bool") else text


def encode_flatbuffer(message: Message) -> bytes:
    """Write a message into its envelope."""
    builder = flatbuffers.Builder(4096)
    inner = _table(builder, table_of(type(message)), message)
    builder.StartObject(2)
    builder.PrependUint8Slot(0, MESSAGES.index(type(message)) + 1, 0)
    builder.PrependUOffsetTRelativeSlot(1, inner, 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER.encode())
    return bytes(builder.Output())


def _table(builder: Any, table: Table, record: Any) -> int:
    values = [value_of(record, field.name) for field in table.fields]
    # What a table points to is written before it.
    offsets = [
        None if value is None else _offset(builder, field, value)
        for field, value in zip(table.fields, values, strict=True)
    ]
    builder.StartObject(len(table.fields))
    for place, (field, value, offset) in enumerate(zip(table.fields, values, offsets, strict=True)):
        if offset is not None:
            builder.PrependUOffsetTRelativeSlot(place, offset, 0)
        elif value is not None:
            # An optional number is written also where it is 0: absent means none.
            default = None if field.optional else 0
            _PREPEND[str(field.kind)](builder, place, value, default)
    return builder.EndObject()


_PREPEND = {
    "int": lambda builder, place, value, default: builder.PrependInt64Slot(place, value, default),
    "float": lambda builder, place, value, default: builder.PrependFloat64Slot(place, value, default),
    "bool": lambda builder, place, value, default: builder.PrependBoolSlot(place, value, default),
}


def _offset(builder: Any, field: WireField, value: Any) -> int | None:
    """Write what is not a plain number; None for plain numbers."""
    if isinstance(field.kind, Table):
        items = entries_of(value) if field.entries else value
        if not field.many:
            return _table(builder, field.kind, items)
        return _vector(builder, [_table(builder, field.kind, item) for item in items])
    if field.kind == "string":
        if not field.many:
            return builder.CreateString(value)
        return _vector(builder, [builder.CreateString(text) for text in value])
    if field.kind == "bytes":
        return builder.CreateByteVector(value)
    if field.many:
        return builder.CreateNumpyVector(np.array(flat(value), dtype=_DTYPES[field.kind]))
    return None


def _vector(builder: Any, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
