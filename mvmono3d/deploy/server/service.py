"""The WebSocket server: takes what is newest from the loop and hands it to every client."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from mvmono3d.deploy.server.access import Guesses
from mvmono3d.deploy.server.channel import Feed, Topic
from mvmono3d.deploy.server.counts import Counts
from mvmono3d.deploy.server.gate import TOPICS, Gate, Health, address_of, allowed_origins, select_format
from mvmono3d.deploy.server.messages import ClientMessage, Status
from mvmono3d.deploy.server.outbox import Outbox, Parcel
from mvmono3d.deploy.server.requests import Requests
from mvmono3d.deploy.server.settings import ServerSettings
from mvmono3d.deploy.server.wire import Format, encode
from mvmono3d.errors import ConfigurationError

_HELLO_PLACE, _STATUS_PLACE = 0, 1
_LOOK_S = 0.25
_POLICY = 1008


class _Count(logging.Filter):
    """Counts what the library complains of; prints only what nobody expected."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def filter(self, record: logging.LogRecord) -> bool:
        if "handshake failed" in str(record.msg):
            self._counts.handshakes_failed += 1
            return False
        self._counts.uncaught += 1
        return True


class StreamServer:
    """Serves the pose stream of one name; see `running_server`."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings, self.counts = settings, Counts()
        self._feed = Feed(settings.name)
        self._guesses = Guesses(settings.limits.wrong_tokens)
        self._newest: dict[Topic, Parcel] = {}
        self._outboxes: dict[int, tuple[Topic, Outbox]] = {}
        self._alive = False
        self._pose_time_s: float | None = None
        self.port = 0

    @property
    def status(self) -> str:
        """`live`, `waiting` or `lost`."""
        if Topic.HELLO not in self._newest:
            return "waiting"
        return "live" if self._alive else "lost"

    def _health(self) -> Health:
        age = None if self._pose_time_s is None else (time.monotonic() - self._pose_time_s) * 1e3
        return Health(status=self.status, clients=len(self._outboxes), pose_age_ms=age)

    def _gauges(self) -> dict[str, float]:
        health = self._health()
        gauges = {
            "clients": float(health.clients),
            "live": float(health.status == "live"),
            "poses_replaced": float(self._feed.skipped),
        }
        return gauges if health.pose_age_ms is None else gauges | {"pose_age_ms": health.pose_age_ms}

    def _on_wake(self) -> None:
        """Take what was published and offer it to all clients."""
        for topic, content in self._feed.take().items():
            parcel = Parcel(content)
            self._newest[topic] = parcel
            if topic is Topic.POSE:
                self.counts.poses_published += 1
                self._pose_time_s = time.monotonic()
            for wanted, outbox in self._outboxes.values():
                if topic is Topic.HELLO:
                    outbox.say(_HELLO_PLACE, parcel)
                elif topic is Topic.STATUS:
                    outbox.say(_STATUS_PLACE, parcel)
                elif topic is wanted:
                    outbox.offer(parcel)

    async def _look_after_loop(self) -> None:
        """Notice that the loop came or went; a pipe alone would not tell after `kill -9`."""
        while True:
            self._on_wake()
            alive = self._feed.alive
            if alive != self._alive:
                self._alive = alive
                for _, outbox in self._outboxes.values():
                    self._tell_status(outbox)
            await asyncio.sleep(_LOOK_S)

    def _tell_status(self, outbox: Outbox) -> None:
        if self.status == "live" and Topic.STATUS in self._newest:
            outbox.say(_STATUS_PLACE, self._newest[Topic.STATUS])
        else:
            outbox.say(_STATUS_PLACE, Parcel(encode(Status(source=self.status), Format.MSGPACK)))

    def open_outbox(self, outbox: Outbox, topic: Topic = Topic.POSE) -> Callable[[], None]:
        """Fill an outbox with a topic from now on; returns what ends it."""
        key = id(outbox)
        self._outboxes[key] = (topic, outbox)
        self.counts.connections += 1
        if Topic.HELLO in self._newest:
            outbox.say(_HELLO_PLACE, self._newest[Topic.HELLO])
        self._tell_status(outbox)
        if topic in self._newest and self._feed.alive:
            outbox.offer(self._newest[topic])

        def close() -> None:
            del self._outboxes[key]

        return close

    async def _serve_client(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else "/"
        topic = TOPICS[path.split("?")[0]]
        outbox = Outbox(Format(connection.subprotocol or Format.MSGPACK))
        close = self.open_outbox(outbox, topic)
        sender = asyncio.create_task(self._send(connection, outbox))
        try:
            await self._receive(connection, outbox)
        finally:
            close()
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender

    def requests(self, outbox: Outbox, address: str) -> Requests:
        """Return what handles the messages of a client at an address."""
        return Requests(
            outbox,
            address=address,
            control_token=self.settings.control_token,
            limits=self.settings.limits,
            guesses=self._guesses,
            counts=self.counts,
            send=self._forward,
            tell_status=self._tell_status,
        )

    async def _receive(self, connection: ServerConnection, outbox: Outbox) -> None:
        requests = self.requests(outbox, address_of(connection))
        with contextlib.suppress(ConnectionClosed):
            async for content in connection:
                reason = requests.handle(content)
                if reason is not None:
                    await connection.close(_POLICY, reason[:120])
                    return

    def _forward(self, command: ClientMessage) -> bool:
        return self._alive and self._feed.send(command)

    async def _send(self, connection: ServerConnection, outbox: Outbox) -> None:
        as_text = outbox.format is Format.JSON
        with contextlib.suppress(ConnectionClosed):
            while True:
                await outbox.wait()
                for content, is_newest in outbox.take():
                    try:
                        async with asyncio.timeout(self.settings.limits.send_s):
                            await connection.send(content, text=as_text)
                    except TimeoutError:
                        self.counts.clients_cut += 1
                        connection.transport.abort()
                        return
                    self.counts.bytes_sent += len(content)
                    self.counts.poses_sent += is_newest

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["StreamServer"]:
        """Listen until the block ends; `port` is then known."""
        loop = asyncio.get_running_loop()
        with _socket(self.settings) as listener:
            self.port = listener.getsockname()[1]
            loop.add_reader(self._feed.wake, self._on_wake)
            watch = asyncio.create_task(self._look_after_loop())
            try:
                async with self._serving(listener):
                    yield self
            finally:
                watch.cancel()
                loop.remove_reader(self._feed.wake)
                self._feed.close()

    def _logger(self) -> logging.Logger:
        logger = logging.Logger("mvmono3d.stream", logging.ERROR)
        logger.addFilter(_Count(self.counts))
        return logger

    def _serving(self, listener: socket.socket) -> serve:
        limits = self.settings.limits
        return serve(
            self._serve_client,
            sock=listener,
            ssl=self.settings.tls,
            origins=allowed_origins(self.settings),
            select_subprotocol=select_format,
            compression=None,
            process_request=Gate(
                self.settings, self.counts, self._guesses, health=self._health, gauges=self._gauges
            ),
            server_header=None,
            open_timeout=limits.open_s,
            close_timeout=1.0,
            max_size=limits.message_bytes,
            max_queue=limits.queued_frames,
            write_limit=(4096, 1024),
            logger=self._logger(),
        )


def _socket(settings: ServerSettings) -> socket.socket:
    """Open the port with small buffers: what waits in them is old when it arrives."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named: asyncio then lets small messages go at once (TCP_NODELAY), rather than when the
    # client's system has acknowledged the last one, which takes up to 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.limits.send_bytes)
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"can't listen on {settings.host} port {settings.port}: {error.strerror}; choose another --port"
        ) from None
    return listener
