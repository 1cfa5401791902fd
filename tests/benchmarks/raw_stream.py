"""The plainest client: a socket, so that a time is that of the message and not of a client's threads."""

import base64
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

_LONG, _LONGER = 126, 127
_CLOSE, _PING, _PONG = 8, 9, 10
_LAST, _MASKED = 128, 128


class _Frame(NamedTuple):
    kind: int
    head: int
    """Bytes before the body."""
    body: int


def raw_messages(port: int) -> Iterator[tuple[int, bytes]]:
    """Yield `time.monotonic_ns()` at which the last byte of a message was there, and the message.

    Raises `ConnectionError` where the server ends it, `TimeoutError` where nothing comes for ten seconds.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        link.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        waiting = b""
        while b"\r\n\r\n" not in waiting:
            waiting += _more(link)
        waiting = waiting.split(b"\r\n\r\n", 1)[1]
        while True:
            while (frame := _frame(waiting)) is None or len(waiting) < frame.head + frame.body:
                waiting += _more(link)
            came_ns, end = time.monotonic_ns(), frame.head + frame.body
            content, waiting = waiting[frame.head : end], waiting[end:]
            if frame.kind == _PING:
                # A mask of zeros leaves the content as it is.
                link.sendall(bytes([_LAST | _PONG, _MASKED | len(content), 0, 0, 0, 0]) + content)
            elif frame.kind == _CLOSE:
                raise ConnectionError(f"the server closes: {content[2:].decode(errors='replace')}")
            else:
                yield came_ns, content


def _more(link: socket.socket) -> bytes:
    content = link.recv(1 << 16)
    if not content:
        raise ConnectionError("the server ended the connection")
    return content


def _frame(waiting: bytes) -> _Frame | None:
    """Return what a frame says of itself; `None` while its head is not all there."""
    if len(waiting) < 2:
        return None
    kind, short = waiting[0] & 15, waiting[1] & 127
    head = 2 + {_LONG: 2, _LONGER: 8}.get(short, 0)
    if len(waiting) < head:
        return None
    body = {_LONG: ">H", _LONGER: ">Q"}.get(short)
    return _Frame(kind, head, short if body is None else struct.unpack(body, waiting[2:head])[0])
