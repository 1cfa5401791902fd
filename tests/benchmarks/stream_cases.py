"""What is measured of the pose stream; the page is written by `tests.benchmarks.stream`."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_connection

from mvmono3d.deploy.client import connect
from mvmono3d.deploy.server.channel import Publisher
from tests.deploy.server.streams import random_frame

CONTROL = "a control token for benchmarks"


class Site(NamedTuple):
    """A server in its own process, and the loop that feeds it."""

    url: str
    port: int
    pid: int
    publisher: Publisher


class Row(NamedTuple):
    """A line of the table."""

    what: str
    must: str
    reached: str
    held: bool | None


@contextmanager
def publishing(site: Site, rate_hz: float, actors: int = 1) -> Iterator[None]:
    """Publish at a rate in a thread; frames are made before, so that the clock sees the stream alone."""
    frames = [random_frame(seq, actors=actors) for seq in range(64)]
    ended = threading.Event()

    def run() -> None:
        due, seq = time.monotonic(), 0
        while not ended.is_set():
            frame = frames[seq % len(frames)]
            site.publisher.publish(replace(frame, seq=seq, published_ns=time.monotonic_ns()))
            seq, due = seq + 1, due + 1 / rate_hz
            time.sleep(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def counts_of(site: Site) -> dict[str, float]:
    """What the server counted."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as http:
        http.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        text = b""
        while part := http.recv(1 << 16):
            text += part
    lines = (line.split() for line in text.decode().splitlines() if line.startswith("mvmono3d_"))
    return {name.removeprefix("mvmono3d_stream_"): float(value) for name, value in lines}


def _ages_ms(site: Site, count: int, *, credit: int | None, pause_s: float = 0.0) -> np.ndarray:
    ages = []
    with connect(site.url, credit=credit) as poses:
        for pose in poses:
            ages.append((time.monotonic_ns() - pose.published_ns) * 1e-6)
            if len(ages) == count:
                break
            time.sleep(pause_s)
    # The first ones were published before the reader was there.
    return np.array(ages[2:])


def _percentiles(ages: np.ndarray) -> str:
    return f"p50 {np.median(ages):.2f} ms, p95 {np.percentile(ages, 95):.2f} ms"


def latency(site: Site, count: int) -> Row:
    """From publish to a decoded pose in a client of another process's server."""
    with publishing(site, 60):
        ages = _ages_ms(site, count, credit=None)
    return Row(
        "published to decoded in a client, 60 Hz",
        "p50 ≤ 2 ms",
        _percentiles(ages),
        bool(np.median(ages) <= 2),
    )


def slow_reader(site: Site, count: int) -> list[Row]:
    """A client that reads ten times a second."""
    with publishing(site, 60):
        credit = _ages_ms(site, count, credit=1, pause_s=0.1)
        push = _ages_ms(site, count, credit=None, pause_s=0.1)
    held = bool(np.percentile(credit, 95) <= 30)
    return [
        Row("age of a pose, 10 Hz reader, credit 1", "p95 ≤ 30 ms", _percentiles(credit), held),
        Row("the same, pushed (for comparison)", "-", _percentiles(push), None),
    ]


def full_house(site: Site, count: int) -> list[Row]:
    """64 clients that read everything, and one more."""
    done = threading.Barrier(65, timeout=300)
    worst: list[float] = []

    def read() -> None:
        ages = _ages_ms(site, count, credit=None)
        worst.append(float(np.median(ages)))
        done.wait()

    with publishing(site, 60):
        threads = [threading.Thread(target=read) for _ in range(64)]
        for thread in threads:
            thread.start()
        while counts_of(site)["clients"] < 64:
            time.sleep(0.05)
        refused = _refusal(site)
        before = counts_of(site)
        time.sleep(2)
        after = counts_of(site)
        rate = (after["poses_sent_total"] - before["poses_sent_total"]) / 64 / 2
        done.wait()
        for thread in threads:
            thread.join()
    return [
        Row("clients served at 60 Hz", "64", f"{len(worst)}, {rate:.0f} Hz each", len(worst) == 64),
        Row("the 65th", "refused", refused, refused.startswith("503")),
        Row("median age in 64 clients (threads of one process)", "-", f"{np.median(worst):.1f} ms", None),
    ]


def _refusal(site: Site) -> str:
    try:
        open_connection(site.url).close()
    except InvalidStatus as error:
        body = bytes(error.response.body or b"").decode().strip()
        return f"{error.response.status_code} {body}"
    return "served"


def stalled_clients(site: Site, seconds: float) -> list[Row]:
    """Five clients that never read, one that does; poses of six actors."""
    stalled = [_half_client(site.port) for _ in range(5)]
    before = memory_mb(site.pid)
    cut = counts_of(site)["clients_cut_total"]
    with publishing(site, 60, actors=6):
        ages = _ages_ms(site, int(60 * seconds), credit=None)
    grown = memory_mb(site.pid) - before
    lost = int(counts_of(site)["clients_cut_total"] - cut)
    for each in stalled:
        each.close()
    what = f"memory of the server over {seconds:.0f} s with 5 clients that read nothing"
    return [
        Row(what, "+ ≤ 5 MB", f"{before:.0f} MB, {grown:+.1f} MB", grown <= 5),
        Row("stalled clients that were cut", "5", str(lost), lost == 5),
        Row("a healthy client meanwhile (21 kB per pose)", "-", _percentiles(ages), None),
    ]


def _half_client(port: int) -> socket.socket:
    """Open a WebSocket and never read from it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return client


def half_open(site: Site, count: int) -> list[Row]:
    """Connections that begin a handshake and never end it."""
    begin = time.monotonic()
    half = []
    for number in range(count):
        client = socket.create_connection(("127.0.0.1", site.port))
        client.sendall(b"GET / HTTP/1.1\r\nHost:"[: number % 24])
        half.append((client, time.monotonic()))
    waits = []
    for _ in range(10):
        start = time.perf_counter()
        open_connection(site.url).close()
        waits.append((time.perf_counter() - start) * 1e3)
    lasted = []
    for client, since in half:
        client.settimeout(30)
        while client.recv(1 << 12):
            pass
        lasted.append(time.monotonic() - since)
        client.close()
    longest = max(lasted)
    what = f"{count} half-open connections: the last was dropped after"
    return [
        Row(
            what,
            "≤ 5 s",
            f"{longest:.1f} s ({time.monotonic() - begin:.1f} s with opening them)",
            longest <= 5,
        ),
        Row(
            "a client connects meanwhile",
            "≤ 50 ms",
            f"p50 {np.median(waits):.1f} ms",
            bool(np.median(waits) <= 50),
        ),
    ]
