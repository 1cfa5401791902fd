"""Talk to a server: as a client would, and as one should not."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, TypeVar

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.connection import Connection

from mvmono3d.deploy.server.wire import Format, decode

Kind = TypeVar("Kind")


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def read_until(client: Connection, kind: type[Kind], format: Format = Format.MSGPACK) -> Kind:
    """Return the next message of a kind; others are skipped."""
    while True:
        message = decode(client.recv(timeout=10), format)
        if isinstance(message, kind):
            return message


def read_plain(client: Connection) -> dict[str, Any]:
    """Return the next message as it is on the wire."""
    content = client.recv(timeout=10)
    assert isinstance(content, bytes)
    return msgspec.msgpack.decode(content)


def ask(client, **command):
    """Send a command as JSON, return the answer to it; poses in between are skipped."""
    client.send(json.dumps(command))
    while True:
        message = read_plain(client)
        if message["type"] in ("reply", "error"):
            return message


def closing_code(client, send=None):
    """Read, or send again and again, until the server closes; returns its code."""
    try:
        while True:
            if send is not None:
                client.send(send)
            client.recv(timeout=10 if send is None else 0.001)
    except TimeoutError:
        return closing_code(client, send) if send is not None else None
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code


def get(server, path, **headers):
    """Return status and body of a plain HTTP request."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
