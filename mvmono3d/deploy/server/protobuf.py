"""Messages as Protocol Buffers, without generated code: the descriptor is made from the records.

The root is `Envelope` with a oneof. Numbers of fields are their order in the records, from 1.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

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

PACKAGE = "mvmono3d.stream.v1"
SERVICE = f"{PACKAGE}.PoseStream"
_TEXT = {"int": "int64", "float": "double", "bool": "bool", "string": "string", "bytes": "bytes"}
_Proto = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "int": _Proto.TYPE_INT64,
    "float": _Proto.TYPE_DOUBLE,
    "bool": _Proto.TYPE_BOOL,
    "string": _Proto.TYPE_STRING,
    "bytes": _Proto.TYPE_BYTES,
}


def protobuf_schema() -> str:
    """Return the text of `pose_stream.proto`."""
    notes = field_notes()
    lines = [
        f"// The pose stream of MVMono3D, schema {SCHEMA}; written by mvmono3d.deploy.server.schema.",
        "// Nested lists of numbers lie row by row in one list.",
        'syntax = "proto3";',
        f"package {PACKAGE};",
    ]
    for table in all_tables():
        lines += ["", f"message {table.name} {{"]
        for number, field in enumerate(table.fields, start=1):
            comment = notes.get((table.name, field.name))
            lines += [f"  // {comment}"] if comment else []
            lines.append(f"  {_label(field)}{_type(field)} {field.name} = {number};")
        lines.append("}")
    lines += ["", "message Envelope {", "  oneof message {"]
    lines += [
        f"    {message.__name__} {_key(message)} = {number};"
        for number, message in enumerate(MESSAGES, start=1)
    ]
    return "\n".join([*lines, "  }", "}", "", *_SERVICE_TEXT, ""])


_SERVICE_TEXT = (
    "// What a client sends: the JSON of the WebSocket's commands.",
    "message Request {",
    "  string json = 1;",
    "}",
    "",
    "service PoseStream {",
    "  // Hello, status and poses, newest only.",
    "  rpc Poses(Request) returns (stream Envelope);",
    "  // One command; answered by a reply or an error.",
    "  rpc Command(Request) returns (Envelope);",
    "}",
)


def _key(message: type) -> str:
    return message.__name__.lower()


def _label(field: WireField) -> str:
    if field.many:
        return "repeated "
    return "optional " if field.optional and not isinstance(field.kind, Table) else ""


def _type(field: WireField) -> str:
    return field.kind.name if isinstance(field.kind, Table) else _TEXT[field.kind]


@cache
def file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    """Return what a compiler would make of the text."""
    file = descriptor_pb2.FileDescriptorProto(name="pose_stream.proto", package=PACKAGE, syntax="proto3")
    for table in all_tables():
        _describe(file.message_type.add(name=table.name), table)
    envelope = file.message_type.add(name="Envelope")
    envelope.oneof_decl.add(name="message")
    for number, message in enumerate(MESSAGES, start=1):
        envelope.field.add(
            name=_key(message), number=number, label=_Proto.LABEL_OPTIONAL, type=_Proto.TYPE_MESSAGE,
            type_name=f".{PACKAGE}.{message.__name__}", oneof_index=0, json_name=_key(message),
        )  # fmt: skip
    request = file.message_type.add(name="Request")
    request.field.add(
        name="json", number=1, label=_Proto.LABEL_OPTIONAL, type=_Proto.TYPE_STRING, json_name="json"
    )
    service = file.service.add(name="PoseStream")
    ends = {"input_type": f".{PACKAGE}.Request", "output_type": f".{PACKAGE}.Envelope"}
    service.method.add(name="Poses", server_streaming=True, **ends)
    service.method.add(name="Command", **ends)
    return file


def _describe(message: Any, table: Table) -> None:
    optional = 0
    for number, field in enumerate(table.fields, start=1):
        added = message.field.add(
            name=field.name,
            number=number,
            label=_Proto.LABEL_REPEATED if field.many else _Proto.LABEL_OPTIONAL,
            json_name=_json_name(field.name),
        )
        if isinstance(field.kind, Table):
            added.type, added.type_name = _Proto.TYPE_MESSAGE, f".{PACKAGE}.{field.kind.name}"
        else:
            added.type = _TYPES[field.kind]
        if _label(field) == "optional ":
            added.proto3_optional, added.oneof_index = True, optional
            optional += 1
    for field in table.fields:
        if _label(field) == "optional ":
            message.oneof_decl.add(name=f"_{field.name}")


def _json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def message_class(name: str) -> Any:
    """Return the class of a message of this package."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file_descriptor())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def encode_protobuf(message: Message) -> bytes:
    """Write a message into its envelope."""
    envelope = message_class("Envelope")()
    inner = getattr(envelope, _key(type(message)))
    inner.SetInParent()
    _fill(inner, table_of(type(message)), message)
    return envelope.SerializeToString()


def _fill(target: Any, table: Table, record: Any) -> None:
    for field in table.fields:
        value = value_of(record, field.name)
        if value is None:
            continue
        if isinstance(field.kind, Table):
            if not field.many:
                getattr(target, field.name).SetInParent()
                _fill(getattr(target, field.name), field.kind, value)
            for item in (entries_of(value) if field.entries else value) if field.many else ():
                _fill(getattr(target, field.name).add(), field.kind, item)
        elif field.many:
            getattr(target, field.name).extend(flat(value))
        else:
            setattr(target, field.name, value)
