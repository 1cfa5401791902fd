"""A client for programs without an event loop."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Generic

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_connection
from websockets.typing import Subprotocol

from mvmono3d.deploy.client.session import (
    CLOUDS,
    IMAGES,
    POSES,
    RETRY_S,
    Item,
    Session,
    Wanted,
    refusal,
    tls_of,
    untrusted,
)
from mvmono3d.deploy.server.messages import ClientMessage, Cloud, Hello, Images, Status
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.deploy.server.wire import Format
from mvmono3d.errors import StreamError


class Stream(Generic[Item]):
    """Iterates over what is newest: however slow the reader, no item waited for it.

    A lost connection is opened again; what was missed shows as a gap in `seq`.

    Raises:
        StreamError: if there is no connection within `patience_s`, or the server refuses it.
    """

    def __init__(self, session: Session[Item], *, patience_s: float, certificate: Path | None) -> None:
        self._session, self._patience_s = session, patience_s
        self._tls = tls_of(session.url, certificate)
        self._pending: Item | None = None
        self._closed = False
        self._lost_s, self._problem = time.monotonic(), ""
        self._connection: ClientConnection | None = self._connect(None)

    @property
    def hello(self) -> Hello:
        """What the server said of skeleton and rig."""
        if self._session.hello is None:
            raise StreamError(f"{self._session.url} has not said hello yet: receive something first")
        return self._session.hello

    @property
    def status(self) -> Status | None:
        """The last state of the rig that the server told of."""
        return self._session.status

    @property
    def problem(self) -> str:
        """Why there is no connection at the moment; empty while there is one."""
        return self._problem

    def receive(self, timeout_s: float | None = None) -> Item | None:
        """Return the next item; None where none came in time, be it that the connection is lost."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if self._pending is not None:
                item, self._pending = self._pending, None
                return item
            try:
                if self._connection is None:
                    self._connection = self._connect(end)
                for content in self._session.before_receiving():
                    self._connection.send(content)
                self._read(self._connection, end)
            except TimeoutError:
                return None
            except ConnectionClosed as error:
                self._lose(error)

    def command(self, command: ClientMessage, *, timeout_s: float = 5.0) -> None:
        """Give an order; returns when the server has accepted it.

        Raises:
            StreamError: if it refuses, or does not answer in time.
        """
        if self._connection is None:
            raise StreamError(f"{self._session.url} takes no orders: {self._problem}")
        number, content = self._session.request(command)
        end = time.monotonic() + timeout_s
        try:
            self._connection.send(content)
            while not self._session.answered(number):
                self._read(self._connection, end)
        except TimeoutError:
            raise StreamError(f"{self._session.url} did not answer within {timeout_s:g} s") from None
        except ConnectionClosed as error:
            raise StreamError(f"{self._session.url} closed the connection: {error}") from None

    def close(self) -> None:
        """End the connection; safe to call twice."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    def __iter__(self) -> Iterator[Item]:
        while not self._closed:
            item = self.receive()
            if item is not None:
                yield item

    def __enter__(self) -> "Stream[Item]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, connection: ClientConnection, end: float | None) -> None:
        left = None if end is None else max(0.0, end - time.monotonic())
        item = self._session.receive(connection.recv(timeout=left))
        if item is not None:
            self._pending = item

    def _lose(self, error: ConnectionClosed) -> None:
        if self._closed:
            raise StreamError("the stream was closed") from None
        self._connection = None
        self._lost_s, self._problem = time.monotonic(), f"connection lost: {error}"

    def _connect(self, end: float | None) -> ClientConnection:
        """Connect within the patience that is left; raises `TimeoutError` where `end` comes before that."""
        given_up_s, wait_s = self._lost_s + self._patience_s, RETRY_S[0]
        while True:
            try:
                connection = self._open()
            except InvalidStatus as error:
                again, problem = refusal(self._session.url, error.response)
            except ssl.SSLCertVerificationError as error:
                again, problem = False, untrusted(self._session.url, error)
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                again, problem = True, StreamError(f"no stream at {self._session.url}: {error}")
            else:
                self._problem = ""
                return connection
            self._problem = str(problem)
            next_s = time.monotonic() + wait_s
            if not again or next_s > given_up_s:
                raise problem from None
            if end is not None and next_s > end:
                time.sleep(max(0.0, end - time.monotonic()))
                raise TimeoutError
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, RETRY_S[1])

    def _open(self) -> ClientConnection:
        connection = open_connection(
            self._session.url,
            subprotocols=[Subprotocol(self._session.format)],
            compression=None,
            additional_headers=self._session.headers,
            ssl=self._tls,
            max_queue=1,
            max_size=1 << 24,
        )
        for content in self._session.opening():
            connection.send(content)
        # The server's first words: skeleton and rig are known from here on.
        while self._session.hello is None:
            item = self._session.receive(connection.recv(timeout=self._patience_s))
            self._pending = item if item is not None else self._pending
        return connection


def _stream(
    url: str,
    wanted: Wanted[Item],
    *,
    credit: int | None,
    format: Format,
    control_token: str | None,
    read_token: str | None,
    patience_s: float,
    certificate: Path | None,
) -> Stream[Item]:
    session = Session(
        url, wanted, credit=credit, format=format, control_token=control_token, read_token=read_token
    )
    return Stream(session, patience_s=patience_s, certificate=certificate)


def connect(
    url: str = "ws://127.0.0.1:8787",
    *,
    credit: int | None = 1,
    format: Format = Format.MSGPACK,
    control_token: str | None = None,
    read_token: str | None = None,
    patience_s: float = 10.0,
    certificate: Path | None = None,
) -> Stream[PoseFrame]:
    """Read poses.

    Args:
        url: of the server.
        credit: how many poses may be on their way; None: pushed, and old when the reader is slow.
        format: MsgPack or JSON.
        control_token: needed to give orders.
        read_token: needed where the server is on another machine.
        patience_s: how long connecting, and connecting again, may take.
        certificate: PEM of a server's certificate that no authority signed.
    """
    return _stream(
        url, POSES, credit=credit, format=format, control_token=control_token, read_token=read_token,
        patience_s=patience_s, certificate=certificate,
    )  # fmt: skip


def connect_images(
    url: str, *, read_token: str | None = None, patience_s: float = 10.0, certificate: Path | None = None
) -> Stream[Images]:
    """Read small pictures of the cameras; see `connect`."""
    return _stream(
        url, IMAGES, credit=1, format=Format.MSGPACK, control_token=None, read_token=read_token,
        patience_s=patience_s, certificate=certificate,
    )  # fmt: skip


def connect_clouds(
    url: str, *, read_token: str | None = None, patience_s: float = 10.0, certificate: Path | None = None
) -> Stream[Cloud]:
    """Read point clouds; see `connect`."""
    return _stream(
        url, CLOUDS, credit=1, format=Format.MSGPACK, control_token=None, read_token=read_token,
        patience_s=patience_s, certificate=certificate,
    )  # fmt: skip
