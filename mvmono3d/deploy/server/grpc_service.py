"""The same messages over gRPC, beside the WebSocket and fed by it; needs the extra `grpc`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from mvmono3d.deploy.server.access import same_token
from mvmono3d.deploy.server.messages import Failure
from mvmono3d.deploy.server.outbox import Outbox
from mvmono3d.deploy.server.protobuf import SERVICE, encode_protobuf, message_class
from mvmono3d.deploy.server.requests import Requests
from mvmono3d.deploy.server.settings import ServerSettings
from mvmono3d.deploy.server.wire import Format
from mvmono3d.errors import ConfigurationError

Open = Callable[[Outbox], Callable[[], None]]
"""Begin to fill an outbox with poses; returns what ends it."""
MakeRequests = Callable[[Outbox, str], Requests]
"""Return what handles the commands of an address."""


class _PoseStream:
    """The two calls of the service; messages pass as bytes."""

    def __init__(self, settings: ServerSettings, open_outbox: Open, make_requests: MakeRequests) -> None:
        self._settings, self._open, self._make = settings, open_outbox, make_requests
        self._streams = 0

    async def poses(self, request: Any, context: aio.ServicerContext) -> AsyncIterator[bytes]:
        """Send hello, status and poses: the newest one whenever the client has room."""
        del request
        await self._check(context)
        if self._streams >= self._settings.limits.clients:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no more clients fit")
        self._streams += 1
        outbox = Outbox(Format.PROTOBUF)
        close = self._open(outbox)
        try:
            while True:
                await outbox.wait()
                for content, _ in outbox.take():
                    yield content
        finally:
            self._streams -= 1
            close()

    async def command(self, request: Any, context: aio.ServicerContext) -> bytes:
        """Obey one command, written as JSON."""
        await self._check(context)
        outbox = Outbox(Format.PROTOBUF)
        reason = self._make(outbox, context.peer()).handle(request.json)
        for content, _ in outbox.take():
            return content
        return encode_protobuf(Failure(code="malformed", message=reason or "nothing to answer"))

    async def _check(self, context: aio.ServicerContext) -> None:
        expected = self._settings.read_token
        given = dict(context.invocation_metadata() or ()).get("authorization", "")
        if expected is not None and not same_token(str(given).removeprefix("Bearer "), expected):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "reading needs a token")


@asynccontextmanager
async def serving_grpc(
    settings: ServerSettings, port: int, open_outbox: Open, make_requests: MakeRequests
) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port. With TLS where the WebSocket has it."""
    service = _PoseStream(settings, open_outbox, make_requests)
    request = message_class("Request")
    handlers = {
        "Poses": grpc.unary_stream_rpc_method_handler(service.poses, request.FromString, _as_is),
        "Command": grpc.unary_unary_rpc_method_handler(service.command, request.FromString, _as_is),
    }
    server = aio.server(
        options=[
            ("grpc.max_receive_message_length", settings.limits.message_bytes),
            ("grpc.max_concurrent_streams", settings.limits.clients),
            ("grpc.so_reuseport", 0),
            ("grpc.max_connection_idle_ms", 60_000),
        ],
        maximum_concurrent_rpcs=settings.limits.clients + 8,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    address = f"{settings.host}:{port}"
    try:
        if settings.certificate is None or settings.key is None:
            bound = server.add_insecure_port(address)
        else:
            pair = (Path(settings.key).read_bytes(), Path(settings.certificate).read_bytes())
            bound = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    except RuntimeError as error:
        raise ConfigurationError(f"gRPC can't listen on {address}: {error}") from None
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(grace=0.5)


def _as_is(content: bytes) -> bytes:
    return content
