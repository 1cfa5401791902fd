"""Measure the pose stream on this machine: `python -m tests.benchmarks.stream docs/benchmarks [--quick]`."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import stream_cases as cases
from tests.benchmarks.machine import commit, processor
from tests.benchmarks.stream_cases import CONTROL, Row, Site
from tests.benchmarks.stream_malformed import malformed
from tests.deploy.server.streams import publishing, random_frame

_PAGE = """# Pose stream

Written by `python -m tests.benchmarks.stream docs/benchmarks`: a server in its own process, a loop that
publishes random hands of 21 joints and four views at 60 Hz, and clients on loopback; loop and clients share a
process. Times count from `publish` to a decoded record in the client.

Measured on {date} with Python {python}, websockets {websockets} on {processor}, load average
{load:.0f} before and {load_after:.0f} after, commit {commit}.{quick}

| what | must | reached | |
| --- | --- | --- | --- |
{rows}

A pushed pose waits in the buffers of a client's system when the client is slow: the reader of ten poses
per second gets them in order, and old. With credit the server sends the next one when it is asked for, and
that is the newest. Percentiles on a machine that does other work are upper limits.
"""


@contextmanager
def running_site() -> Iterator[Site]:
    """Start a server process and a publisher for it."""
    with publishing() as (name, publisher), tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(CONTROL)
        token.chmod(0o600)
        command = [sys.executable, "-m", "mvmono3d.deploy.server", "--name", name, "--port", "0"]
        server = subprocess.Popen(
            [*command, "--control-token-file", str(token)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[0]
            port = int(url.rsplit(":", 1)[1])
            publisher.publish(random_frame(0))
            _wait_until_live(port)
            yield Site(url, port, server.pid, publisher)
        finally:
            server.terminate()
            server.wait(20)


def _wait_until_live(port: int) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not become live")


def measure(*, quick: bool) -> list[Row]:
    """Run every case against one server."""
    share = 10 if quick else 1
    with running_site() as site:
        return [
            cases.latency(site, 1200 // share),
            *cases.slow_reader(site, 200 // share),
            *cases.full_house(site, 600 // share),
            *cases.stalled_clients(site, 60 / share),
            *cases.half_open(site, 300),
            *malformed(site, 100_000 // (share * share)),
        ]


def main() -> int:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where stream.md is written")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    rows = measure(quick=chosen.quick)
    page = _PAGE.format(
        date=datetime.date.today().isoformat(),
        python=platform.python_version(),
        websockets=version("websockets"),
        processor=processor(),
        load=load,
        load_after=os.getloadavg()[0],
        commit=commit("mvmono3d/deploy"),
        quick=" A tenth of everything (`--quick`)." if chosen.quick else "",
        rows="\n".join(f"| {row.what} | {row.must} | {row.reached} | {_verdict(row.held)} |" for row in rows),
    )
    chosen.folder.mkdir(parents=True, exist_ok=True)
    (chosen.folder / "stream.md").write_text(page)
    sys.stdout.write(page)
    return 0 if all(row.held is not False for row in rows) else 1


def _verdict(held: bool | None) -> str:
    return "" if held is None else "held" if held else "**missed**"


if __name__ == "__main__":
    sys.exit(main())
