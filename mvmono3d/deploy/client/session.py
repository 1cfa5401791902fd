"""What a client does between reading and writing bytes; the same with and without an event loop."""

import ssl
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec

from mvmono3d.deploy.server.convert import pose_frame
from mvmono3d.deploy.server.messages import (
    SCHEMA,
    Acknowledge,
    ClientMessage,
    Cloud,
    Failure,
    Hello,
    Images,
    Pose,
    Reply,
    ServerMessage,
    Status,
    Subscribe,
    Subscription,
)
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.deploy.server.wire import Format, decode
from mvmono3d.errors import StreamError

Item = TypeVar("Item")

RETRY_S = (0.05, 1.0)
"""Shortest and longest wait between two tries to connect."""


class Wanted(Generic[Item]):
    """A topic: where it is, and what its messages become."""

    def __init__(self, path: str, convert: Callable[[ServerMessage], Item | None]) -> None:
        self.path, self.convert = path, convert


POSES = Wanted[PoseFrame]("/", lambda message: pose_frame(message) if isinstance(message, Pose) else None)
CLOUDS = Wanted[Cloud]("/cloud", lambda message: message if isinstance(message, Cloud) else None)
IMAGES = Wanted[Images]("/images", lambda message: message if isinstance(message, Images) else None)


class Session(Generic[Item]):
    """State of one client: what the server said last, what is to be acknowledged, who waits for a reply."""

    def __init__(
        self,
        url: str,
        wanted: Wanted[Item],
        *,
        credit: int | None,
        format: Format,
        control_token: str | None,
        read_token: str | None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise StreamError(f"{url!r} is no address of a stream: expected ws://127.0.0.1:8787, or wss://…")
        if format not in (Format.MSGPACK, Format.JSON):
            raise StreamError(f"this client reads MsgPack and JSON; {format} is for other languages")
        self.url = f"{parts.scheme}://{parts.netloc}{wanted.path}"
        self.format, self.credit = format, credit
        self.headers = {} if read_token is None else {"Authorization": f"Bearer {read_token}"}
        self.hello: Hello | None = None
        self.status: Status | None = None
        self._wanted, self._token = wanted, control_token
        self._unacknowledged: int | None = None
        self._numbers = count(1)
        self._answers: dict[int, Reply | Failure] = {}

    def opening(self) -> list[bytes | str]:
        """Return what is to be sent on a new connection."""
        self._unacknowledged = None
        if self.credit is None:
            return []
        return [self._write(Subscribe(value=Subscription(credit=self.credit)))]

    def before_receiving(self) -> list[bytes | str]:
        """Return the acknowledgement of the last item: asking for the next one means that it was used."""
        number, self._unacknowledged = self._unacknowledged, None
        return [] if number is None or self.credit is None else [self._write(Acknowledge(value=number))]

    def receive(self, content: bytes | str) -> Item | None:
        """Take a message in; returns an item where it is one."""
        message = decode(content, self.format)
        if isinstance(message, Hello):
            if message.schema != SCHEMA:
                raise StreamError(
                    f"{self.url} speaks schema {message.schema}, this client {SCHEMA}: "
                    "use the same version of mvmono3d on both ends"
                )
            self.hello = message
        elif isinstance(message, Status):
            self.status = message
        elif isinstance(message, Reply | Failure):
            if message.id is not None:
                self._answers[message.id] = message
        else:
            self._unacknowledged = _number(message)
            return self._wanted.convert(message)
        return None

    def request(self, command: ClientMessage) -> tuple[int, bytes | str]:
        """Return the number of a command and what is to be sent."""
        number = next(self._numbers)
        return number, self._write(msgspec.structs.replace(command, id=number, token=self._token))

    def answered(self, number: int) -> bool:
        """Say whether a command was accepted; raises `StreamError` where it was refused."""
        answer = self._answers.pop(number, None)
        if isinstance(answer, Failure):
            raise StreamError(f"{self.url} refused the command: {answer.message}")
        return answer is not None

    def _write(self, message: ClientMessage) -> bytes | str:
        if self.format is Format.JSON:
            return msgspec.json.encode(message).decode()
        return msgspec.msgpack.encode(message)


def _number(message: Pose | Cloud | Images) -> int:
    """Return what the acknowledgement of a message names."""
    if isinstance(message, Pose):
        return message.seq
    return message.id if isinstance(message, Cloud) else message.t_ns


def refusal(url: str, response: Any) -> tuple[bool, StreamError]:
    """Return whether trying again may help, and the error to raise otherwise, of an HTTP answer."""
    reason = bytes(response.body or b"").decode(errors="replace").strip() or response.reason_phrase
    error = StreamError(f"{url} refused the connection: {reason} (HTTP {response.status_code})")
    return response.status_code == 503, error


def tls_of(url: str, certificate: Path | None) -> ssl.SSLContext | None:
    """Return what trusts a certificate, where one is named; raises `StreamError` where it can't be used."""
    if certificate is None:
        return None
    if not url.startswith("wss://"):
        raise StreamError(f"{url} has no TLS, so that {certificate} vouches for nobody: expected wss://…")
    try:
        return ssl.create_default_context(cafile=str(certificate))
    except OSError as error:
        raise StreamError(f"certificate {certificate}: {error}") from None


def untrusted(url: str, error: ssl.SSLCertVerificationError) -> StreamError:
    """Return the error of a server whose certificate nobody vouches for, or that is for another name."""
    return StreamError(
        f"{url} shows a certificate that is not trusted ({error.verify_message}); if it is the rig's own, "
        "name its file: `certificate=`, or --certificate of `mvmono3d view`"
    )
