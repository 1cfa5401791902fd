"""A client for programs with an event loop."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_connection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from mvmono3d.deploy.client.session import POSES, RETRY_S, Session, refusal, tls_of, untrusted
from mvmono3d.deploy.server.messages import ClientMessage, Hello, Status
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.deploy.server.wire import Format
from mvmono3d.errors import StreamError


class AsyncStream:
    """As `mvmono3d.deploy.client.Stream`, of poses, in an event loop; made by `connect_async`."""

    def __init__(self, session: Session[PoseFrame], *, patience_s: float, certificate: Path | None) -> None:
        self._session, self._patience_s = session, patience_s
        self._tls = tls_of(session.url, certificate)
        self._connection: ClientConnection | None = None
        self._pending: PoseFrame | None = None

    @property
    def hello(self) -> Hello:
        """What the server said of skeleton and rig."""
        if self._session.hello is None:
            raise StreamError(f"{self._session.url} has not said hello yet: enter the stream first")
        return self._session.hello

    @property
    def status(self) -> Status | None:
        """The last state of the rig that the server told of."""
        return self._session.status

    async def receive(self) -> PoseFrame:
        """Return the next pose; bound the wait with `asyncio.timeout`."""
        while True:
            if self._pending is not None:
                item, self._pending = self._pending, None
                return item
            connection = self._open_one()
            try:
                for content in self._session.before_receiving():
                    await connection.send(content)
                await self._read(connection)
            except ConnectionClosed:
                self._connection = await self._connect()

    async def command(self, command: ClientMessage, *, timeout_s: float = 5.0) -> None:
        """Give an order; returns when the server has accepted it, raises `StreamError` where it refuses."""
        connection = self._open_one()
        number, content = self._session.request(command)
        try:
            async with asyncio.timeout(timeout_s):
                await connection.send(content)
                while not self._session.answered(number):
                    await self._read(connection)
        except TimeoutError:
            raise StreamError(f"{self._session.url} did not answer within {timeout_s:g} s") from None
        except ConnectionClosed as error:
            raise StreamError(f"{self._session.url} closed the connection: {error}") from None

    async def __aiter__(self) -> AsyncIterator[PoseFrame]:
        while True:
            yield await self.receive()

    async def __aenter__(self) -> "AsyncStream":
        self._connection = await self._connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _open_one(self) -> ClientConnection:
        if self._connection is None:
            raise StreamError("the stream is not open: use `async with connect_async(...) as stream`")
        return self._connection

    async def _read(self, connection: ClientConnection) -> None:
        item = self._session.receive(await connection.recv())
        if item is not None:
            self._pending = item

    async def _connect(self) -> ClientConnection:
        end, wait_s = time.monotonic() + self._patience_s, RETRY_S[0]
        while True:
            try:
                return await self._open()
            except InvalidStatus as error:
                again, problem = refusal(self._session.url, error.response)
            except ssl.SSLCertVerificationError as error:
                again, problem = False, untrusted(self._session.url, error)
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                again, problem = True, StreamError(f"no stream at {self._session.url}: {error}")
            if not again or time.monotonic() + wait_s > end:
                raise problem from None
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, RETRY_S[1])

    async def _open(self) -> ClientConnection:
        connection = await open_connection(
            self._session.url,
            subprotocols=[Subprotocol(self._session.format)],
            compression=None,
            additional_headers=self._session.headers,
            ssl=self._tls,
            max_queue=1,
            max_size=1 << 24,
        )
        for content in self._session.opening():
            await connection.send(content)
        async with asyncio.timeout(self._patience_s):
            while self._session.hello is None:
                await self._read(connection)
        return connection


def connect_async(
    url: str = "ws://127.0.0.1:8787",
    *,
    credit: int | None = 1,
    format: Format = Format.MSGPACK,
    control_token: str | None = None,
    read_token: str | None = None,
    patience_s: float = 10.0,
    certificate: Path | None = None,
) -> AsyncStream:
    """Read poses in an event loop: enter the stream with `async with`, then `async for`.

    The arguments are those of `mvmono3d.deploy.client.connect`.
    """
    session = Session(
        url, POSES, credit=credit, format=format, control_token=control_token, read_token=read_token
    )
    return AsyncStream(session, patience_s=patience_s, certificate=certificate)
