"""Write the schemas of the pose stream: `python -m mvmono3d.deploy.server.schema OUT`.

`pose_stream.fbs`, `pose_stream.proto` and `pose_stream.schema.json` are for other languages, `stream.md` is
the page for people. All four are made from `messages.py`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.server.fields import MESSAGES, Table, all_tables, field_notes
from mvmono3d.deploy.server.flatbuffer import flatbuffer_schema
from mvmono3d.deploy.server.messages import SCHEMA, ClientMessage, ServerMessage
from mvmono3d.deploy.server.protobuf import protobuf_schema

SCHEMA_FILES = ("pose_stream.fbs", "pose_stream.proto", "pose_stream.schema.json")
PAGE = "stream.md"

_TAGS = {message.__name__: message.__struct_config__.tag for message in MESSAGES}

_OPENING = f"""# Messages of the pose stream

Schema {SCHEMA}, written by `python -m mvmono3d.deploy.server.schema` from the records in
`mvmono3d/deploy/server/messages.py`. For examples see [how to read it](../how-to/read-the-pose-stream.md).
Files for other languages: `deploy/stream/pose_stream.fbs`, `pose_stream.proto`, `pose_stream.schema.json`;
in the first two nested lists of numbers lie row by row in one list.

MsgPack maps and JSON objects have the keys below; `type` tells the messages of the server apart, `cmd` those
of a client. Skip keys that you don't know: new ones may come within a schema. In JSON every key of the server
that ends in `_ns` is a string, because nanoseconds exceed what JavaScript counts exactly; bytes are base64.
"""


def schema_texts() -> dict[str, str]:
    """Return the files by name."""
    return {
        "pose_stream.fbs": flatbuffer_schema(),
        "pose_stream.proto": protobuf_schema(),
        "pose_stream.schema.json": json_schema(),
        PAGE: reference_page(),
    }


def json_schema() -> str:
    """Return the JSON schema of both directions; times of the server are strings."""
    (server, client), definitions = msgspec.json.schema_components(
        [ServerMessage, ClientMessage], ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        for name, value in definition.get("properties", {}).items():
            if name.endswith("_ns") and "cmd" not in definition["properties"] and name != "exposure_ns":
                definition["properties"][name] = {"type": "string", "pattern": "^-?[0-9]+$"}
                value.clear()
    whole: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pose stream of MVMono3D, schema {SCHEMA}",
        "$defs": definitions | {"ServerMessage": server, "ClientMessage": client},
        "$ref": "#/$defs/ServerMessage",
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def reference_page() -> str:
    """Return `stream.md`."""
    notes = field_notes()
    lines = [_OPENING]
    for table in _messages_first():
        tag = _TAGS.get(table.name)
        title = table.name if tag is None else f"{table.name}, `type` = `{tag}`"
        lines += [f"## {title}", "", notes.get((table.name, ""), "").split("\n")[0], ""]
        lines += ["| key | type | meaning |", "|---|---|---|"]
        for field in table.fields:
            kind = field.kind.name if isinstance(field.kind, Table) else field.kind
            shape = "map to " if field.entries else "list of " * field.depth
            if field.entries and isinstance(field.kind, Table):
                value = field.kind.fields[1]
                kind = "list of " * value.depth + str(value.kind)
            none = ", or none" if field.optional else ""
            note = notes.get((table.name, field.name), "")
            lines.append(f"| `{field.name}` | {shape}{kind}{none} | {note} |")
        lines.append("")
    return "\n".join([*lines, *_commands(notes)])


def _messages_first() -> list[Table]:
    names = [message.__name__ for message in MESSAGES]
    entries = {
        field.kind.name
        for table in all_tables()
        for field in table.fields
        if field.entries and isinstance(field.kind, Table)
    }
    tables = [table for table in all_tables() if table.name not in entries]
    return sorted(tables, key=lambda table: names.index(table.name) if table.name in names else len(names))


def _commands(notes: dict[tuple[str, str], str]) -> list[str]:
    """Return the part about what clients send."""
    lines = [
        "## Commands",
        "",
        'A client sends `{"cmd": …, "value": …}`; `id` comes back in the answer, `token` is the control one.',
        "",
        "| `cmd` | token | `value` | meaning |",
        "|---|---|---|---|",
    ]
    for command in get_args(ClientMessage):
        value: Any = msgspec.inspect.type_info(command)
        (field,) = (field for field in value.fields if field.name == "value")
        token = "yes" if command.privileged else "no"
        meaning = notes[command.__name__, ""].split("\n")[0]
        lines.append(f"| `{command.__struct_config__.tag}` | {token} | {_words(field.type)} | {meaning} |")
    return [*lines, ""]


def _words(kind: Any) -> str:
    """Say what a value is."""
    if isinstance(kind, msgspec.inspect.StructType):
        return ", ".join(
            f"`{field.name}`" + ("" if field.required else " (optional)") for field in kind.fields
        )
    if isinstance(kind, msgspec.inspect.NoneType):
        return "none"
    return "a number, or its digits"


def main(arguments: list[str] | None = None) -> int:
    """Write the files into a folder; the page only with --page."""
    parser = argparse.ArgumentParser(prog="python -m mvmono3d.deploy.server.schema", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT", help="where the schemas are written")
    parser.add_argument("--page", type=Path, metavar="OUT", help="folder of stream.md")
    chosen = parser.parse_args(arguments)
    for name, text in schema_texts().items():
        folder = chosen.page if name == PAGE else chosen.folder
        if folder is not None:
            with atomic_write(folder / name) as file:
                file.write(text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
