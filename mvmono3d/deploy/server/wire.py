"""Messages to bytes and back: MsgPack, JSON, FlatBuffers, Protocol Buffers."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from mvmono3d.deploy.server.messages import ClientMessage, Message, ServerMessage
from mvmono3d.errors import StreamError


class Format(StrEnum):
    """How messages are written; the value is the WebSocket subprotocol that asks for it."""

    MSGPACK = "mvmono3d.msgpack"
    """Also where no subprotocol is asked for."""
    JSON = "mvmono3d.json"
    FLATBUFFERS = "mvmono3d.flatbuffers"
    PROTOBUF = "mvmono3d.protobuf"
    """What gRPC carries."""


_TO_MSGPACK = msgspec.msgpack.Encoder()
_TO_JSON = msgspec.json.Encoder()
_FROM_MSGPACK = msgspec.msgpack.Decoder(ServerMessage)
_COMMAND_MSGPACK = msgspec.msgpack.Decoder(ClientMessage)
_COMMAND_JSON = msgspec.json.Decoder(ClientMessage)


def encode(message: Message, format: Format) -> bytes:
    """Write a message of the server."""
    if format is Format.JSON:
        return _TO_JSON.encode(_times(msgspec.to_builtins(message, builtin_types=(bytes,)), str))
    if format is Format.FLATBUFFERS:
        # Imported here: only its clients need the package.
        from mvmono3d.deploy.server.flatbuffer import encode_flatbuffer

        return encode_flatbuffer(message)
    if format is Format.PROTOBUF:
        from mvmono3d.deploy.server.protobuf import encode_protobuf

        return encode_protobuf(message)
    return _TO_MSGPACK.encode(message)


def decode(content: bytes | str, format: Format) -> ServerMessage:
    """Read a message of the server; raises `StreamError` where it is none of this schema."""
    try:
        if format is Format.JSON:
            return msgspec.convert(_times(msgspec.json.decode(content), int), ServerMessage, strict=False)
        return _FROM_MSGPACK.decode(content if isinstance(content, bytes) else content.encode())
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StreamError(f"the server sent what this client can't read: {error}") from None


def decode_command(content: bytes | str) -> ClientMessage:
    """Read a message of a client: text is JSON, bytes are MsgPack; raises `StreamError`."""
    try:
        return _COMMAND_JSON.decode(content) if isinstance(content, str) else _COMMAND_MSGPACK.decode(content)
    except RecursionError:
        raise StreamError("a message nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise StreamError(str(error)) from None


def _times(value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to all times: whole numbers of nanoseconds exceed what JavaScript can count to."""
    if isinstance(value, dict):
        return {
            key: change(item) if key.endswith("_ns") and item is not None else _times(item, change)
            for key, item in value.items()
        }
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_times(item, change) for item in value]
    return value
