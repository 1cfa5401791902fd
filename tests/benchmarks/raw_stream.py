"""The plainest client: a socket, so that a time is that of the message and not of a client's threads."""

import base64
import os
import socket
import struct
import time
from collections.abc import Iterator

_LONG, _LONGER = 126, 127


def raw_messages(port: int) -> Iterator[tuple[int, bytes]]:
    """Yield `time.monotonic_ns()` at which the last byte of a message was there, and the message."""
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
            while (whole := _length(waiting)) is None or len(waiting) < sum(whole):
                waiting += _more(link)
            came_ns, (head, body) = time.monotonic_ns(), whole
            yield came_ns, waiting[head : head + body]
            waiting = waiting[head + body :]


def _more(link: socket.socket) -> bytes:
    content = link.recv(1 << 16)
    if not content:
        raise ConnectionError("the server closed the connection")
    return content


def _length(waiting: bytes) -> tuple[int, int] | None:
    """Return how long a frame's head and body are; `None` while the head is not all there."""
    if len(waiting) < 2:
        return None
    short = waiting[1] & 127
    head = 2 + {_LONG: 2, _LONGER: 8}.get(short, 0)
    if len(waiting) < head:
        return None
    body = {_LONG: ">H", _LONGER: ">Q"}.get(short)
    return head, short if body is None else struct.unpack(body, waiting[2:head])[0]
