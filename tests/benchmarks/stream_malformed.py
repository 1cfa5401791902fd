"""Messages that are no commands: whatever a client sends, the pose stream answers and goes on."""

import json
import random
import time

import msgspec
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_connection

from tests.benchmarks.stream_cases import Row, Site, counts_of


def malformed_message(draw: random.Random) -> bytes | str:
    """Make something that is nearly a command, or nothing like one."""
    base: dict[str, object] = {
        "cmd": draw.choice(["set_roi", "ack", "subscribe", "status", "x", "", 7, None])
    }
    junk: list[object] = [None, -1, 1e308, "é" * 9, [], {}, [[[]]], {"center": [1], "size": 2}, True, 1 << 62]
    base |= {draw.choice(["value", "token", "id", "type", "\0"]): draw.choice(junk) for _ in range(3)}
    text = json.dumps(base)
    place = draw.randrange(len(text))
    kind = draw.randrange(6)
    if kind == 0:
        return text[:place]
    if kind == 1:
        return text[:place] + chr(draw.randrange(32, 1 << 12)) + text[place:]
    if kind == 2:
        return draw.choice(
            ["[" * 9_000, '{"cmd":' * 2_000, "NaN", "1e999", "", "\ufeff{}", '{"cmd":"set_roi"}']
        )
    packed = bytearray(msgspec.msgpack.encode(base))
    if kind == 3:
        packed[draw.randrange(len(packed))] ^= 1 << draw.randrange(8)
        return bytes(packed)
    return (
        bytes(draw.randrange(256) for _ in range(draw.randrange(60))) if kind == 4 else bytes(packed[:place])
    )


def malformed(site: Site, count: int, seed: int = 0) -> list[Row]:
    """Messages that are no commands, ten to a connection."""
    draw, sent, waits = random.Random(seed), 0, []
    before = counts_of(site)
    while sent < count:
        with open_connection(f"{site.url}/cloud", compression=None) as client:
            client.recv(timeout=30)
            try:
                for _ in range(10):
                    begin = time.perf_counter()
                    message = malformed_message(draw)
                    client.send(message)
                    if _may_be_silent(message):
                        # Nobody answers these if they happen to be well formed; what follows is answered.
                        client.send("")
                    sent += 1
                    while _kind(client.recv(timeout=30)) == "status":
                        pass
                    waits.append((time.perf_counter() - begin) * 1e3)
            except ConnectionClosed:
                pass
    after = counts_of(site)
    middle, late = float(np.median(waits)), float(np.percentile(waits, 99))
    uncaught = after["uncaught_total"] - before["uncaught_total"]
    accepted = after["commands_accepted_total"] - before["commands_accepted_total"]
    return [
        Row(f"{sent} malformed messages: uncaught errors", "0", f"{uncaught:.0f}", uncaught == 0),
        Row("commands accepted among them", "0", f"{accepted:.0f}", accepted == 0),
        Row(
            "answer to a malformed message",
            "p99 ≤ 2 ms",
            f"p50 {middle:.2f} ms, p99 {late:.2f} ms",
            late <= 2,
        ),
    ]


def _may_be_silent(message: bytes | str) -> bool:
    try:
        content = (
            msgspec.msgpack.decode(message) if isinstance(message, bytes) else msgspec.json.decode(message)
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("cmd") in ("ack", "subscribe")


def _kind(content: bytes | str) -> str:
    return msgspec.msgpack.decode(content if isinstance(content, bytes) else content.encode())["type"]
