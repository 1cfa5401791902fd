"""The schemas for other languages: what is published is what the records say, and compilers agree."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from google.protobuf import descriptor_pb2

from mvmono3d.deploy.server.convert import hello_message, pose_message
from mvmono3d.deploy.server.fields import MESSAGES, Table, WireField, entries_of, flat, table_of
from mvmono3d.deploy.server.flatbuffer import encode_flatbuffer
from mvmono3d.deploy.server.messages import (
    Box,
    CameraImage,
    Cloud,
    Failure,
    Images,
    Message,
    Reply,
    Status,
)
from mvmono3d.deploy.server.protobuf import encode_protobuf, file_descriptor, message_class
from mvmono3d.deploy.server.schema import PAGE, schema_texts
from mvmono3d.deploy.server.wire import Format, encode
from tests.deploy.server.streams import SKELETON, random_frame, random_rig

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES: list[Message] = [
    hello_message(SKELETON, random_rig()),
    pose_message(random_frame(1, actors=2)),
    pose_message(random_frame(2, actors=0)),
    Status(source="live"),
    Status(
        source="live", roi=Box(center=(0.0, 0.0, 0.0), size=(1.0, 1.0, 1.0)), exposure_ns=0, gain_db=0.0,
        recording="take", detail={"detector": "restarting"},
    ),
    Cloud(id=3, t_ns=1 << 60, count=1, origin=(0.0, 1.0, 2.0), step_m=1e-4, points=bytes(range(6))),
    Images(t_ns=1 << 60, images=[CameraImage(camera="cam0", width=4, height=2, jpeg=b"\xff\xd8")]),
    Reply(cmd="set_roi", id=0),
    Failure(code="malformed", message="no"),
]  # fmt: skip
NAMES = [f"{type(message).__name__} {place}" for place, message in enumerate(EXAMPLES)]


def flattened(message: Message) -> dict[str, Any]:
    """What a format without nested lists should hold."""
    return _flattened(table_of(type(message)), msgspec.to_builtins(message, builtin_types=(bytes,)))


def _flattened(table: Table, record: dict[str, Any]) -> dict[str, Any]:
    values = {field.name: record[field.name] for field in table.fields}
    return {
        name: _field(field, values[name]) for field in table.fields if values[name := field.name] is not None
    }


def _field(field: WireField, value: Any) -> object:
    if isinstance(field.kind, Table):
        kind = field.kind
        if not field.many:
            return _flattened(kind, value)
        items: list[dict[str, Any]] = entries_of(value) if field.entries else value
        return [_flattened(kind, item) for item in items]
    if field.kind == "bytes":
        return list(value)
    return flat(value) if field.many else value


@pytest.mark.parametrize("name", schema_texts())
def test_the_published_files_are_those_of_the_records(name):
    folder = ROOT / "docs" / "reference" if name == PAGE else ROOT / "deploy" / "stream"
    assert (folder / name).read_text() == schema_texts()[name], "run python -m mvmono3d.deploy.server.schema"


def test_every_message_is_among_the_examples():
    assert {type(message) for message in EXAMPLES} == set(MESSAGES)


@pytest.mark.parametrize("message", EXAMPLES, ids=NAMES)
def test_flatbuffers_hold_what_the_record_holds(message, tmp_path):
    compiler = shutil.which("flatc")
    if compiler is None:
        pytest.skip("no flatc: apt-get install flatbuffers-compiler")
    (tmp_path / "message.bin").write_bytes(encode_flatbuffer(message))
    command = [compiler, "--json", "--strict-json", "--defaults-json", "-o", str(tmp_path)]
    schema = ROOT / "deploy" / "stream" / "pose_stream.fbs"
    subprocess.run([*command, str(schema), "--", str(tmp_path / "message.bin")], check=True)
    found = json.loads((tmp_path / "message.json").read_text())
    assert found["message_type"] == type(message).__name__
    assert_same(found["message"], flattened(message))


def assert_same(found: Any, expected: Any) -> None:
    """Compare to the digits that flatc prints; it leaves out empty lists that were never written."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert_same(found.get(key, [] if isinstance(value, list) else None), value)
        assert {key for key, value in found.items() if value is not None} <= set(expected)
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, list) and expected and isinstance(expected[0], float):
        np.testing.assert_allclose(found, expected, atol=1e-12)
    else:
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("message", EXAMPLES, ids=NAMES)
def test_protocol_buffers_hold_what_the_record_holds(message):
    envelope = message_class("Envelope").FromString(encode_protobuf(message))
    assert envelope.WhichOneof("message") == type(message).__name__.lower()
    inner = getattr(envelope, envelope.WhichOneof("message"))
    assert _from_protobuf(table_of(type(message)), inner) == flattened(message)


def _from_protobuf(table: Table, inner: Any) -> dict[str, Any]:
    found = {}
    for field in table.fields:
        value = getattr(inner, field.name)
        if isinstance(field.kind, Table) and field.many:
            found[field.name] = [_from_protobuf(field.kind, item) for item in value]
        elif isinstance(field.kind, Table):
            if inner.HasField(field.name):
                found[field.name] = _from_protobuf(field.kind, value)
        elif field.many or isinstance(value, bytes):
            found[field.name] = list(value)
        elif not field.optional or inner.HasField(field.name):
            found[field.name] = value
    return found


def test_the_compiler_reads_the_proto_as_we_do(tmp_path):
    pytest.importorskip("grpc_tools", reason="no grpcio-tools: pip install grpcio-tools")
    out = tmp_path / "out.bin"
    folder = ROOT / "deploy" / "stream"
    command = [sys.executable, "-W", "ignore", "-m", "grpc_tools.protoc", f"-I{folder}"]
    subprocess.run([*command, f"--descriptor_set_out={out}", "pose_stream.proto"], check=True)
    (compiled,) = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    assert compiled == file_descriptor()


@pytest.mark.parametrize("message", EXAMPLES, ids=NAMES)
def test_json_has_the_types_of_its_schema(message):
    schema = json.loads(schema_texts()["pose_stream.schema.json"])
    definition = schema["$defs"][type(message).__name__]
    found = json.loads(encode(message, Format.JSON))
    assert set(definition["required"]) <= set(found)
    for name, value in found.items():
        kind = definition["properties"][name].get("type")
        kinds = {"string": str, "integer": int, "array": list, "object": dict, "boolean": bool}
        if kind in kinds:
            assert isinstance(value, kinds[kind]), name
