"""An hour of frame sets as fast as the machine can: `python -m tests.benchmarks.soak docs/benchmarks`.

Every process of a rig runs; its virtual cameras are triggered many times faster than a rig's. Whatever the
machine can't follow is overtaken, and has to be counted.
"""

import argparse
import datetime
import os
import platform
import queue
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from mvmono3d.deploy.capture.handle import CaptureHandle, start_capture
from mvmono3d.deploy.live.child import Child, Heard
from mvmono3d.deploy.live.plan import LOOP, SERVER, Choice, Plan, make_plan
from mvmono3d.deploy.loop.orders import LoopReport, RigState
from mvmono3d.deploy.ring.pipe import remove_pipes
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.deploy.site.site_file import read_site
from mvmono3d.deploy.sync.ledger import Accounts
from tests.benchmarks.machine import commit, processor
from tests.benchmarks.raw_stream import raw_messages
from tests.deploy.live.rigs import children, free_port
from tests.deploy.live.small_site import write_site

HOUR = 216_000
"""Frame sets of an hour at 60 Hz."""
_WARM = 0.3
"""Share of the time after which memory must not grow any more."""
_LOOK_S, _QUIET_S, _RENDER_S = 1.0, 3.0, 600.0
_MOST_MB_PER_HOUR = 1.0
_PAGE = """# An hour's worth of frame sets

Written by `python -m tests.benchmarks.soak {arguments}`: capture, loop,
detector, guard and server of a rig, each a process, on four virtual cameras of 160 x 100 px triggered at
{rate} Hz; a client reads all poses. The detector is the truth with noise. What the machine can't follow is
overtaken, and counted. At the end the cameras stop first, the rest comes to rest, and counts of processes are
compared that know nothing of each other.

Measured on {date} with Python {python} on {processor}, load average {load:.1f} before and {load_after:.1f}
after, commit {commit}: {sets} frame sets ({share:.0%} of the {hour} of an hour at 60 Hz) in {seconds:.0f} s,
{answers} of them answered.

| the ledger | | |
| --- | --- | --- |
{equations}

| process | anonymous memory after the warm-up | growth per minute | for an hour's {hour} sets | open files |
| --- | --- | --- | --- | --- |
{memory}

Frames that arrive later than a trigger period after their time are not trusted, as their camera's clock
may have jumped (`unsynchronised`); at this period a busy machine makes many of them. Growth is the slope of a
line through the process's anonymous memory, looked at once a second, after the first {warm:.0%} of the time;
at most {most:g} MB for an hour's sets is asked for.
"""


@dataclass
class Soaked:
    """What came of it."""

    seconds: float = 0.0
    accounts: Accounts | None = None
    sets: int = 0
    """As the ring counts them."""
    loop: LoopReport | None = None
    answers: int = 0
    """Of the loop."""
    counters: dict[str, float] = field(default_factory=dict)
    """The server's."""
    received: list[int] = field(default_factory=list)
    """`seq` of the poses that the client got."""
    memory_mb: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Of each process: seconds and anonymous memory."""
    handles: dict[str, list[int]] = field(default_factory=dict)
    """Of each process: open files, at every look."""


def soak(folder: Path, *, rate_hz: int, seconds: float, sets: int = HOUR) -> Soaked:
    """Run a rig until so many sets were published, or so long; then let it come to rest and count."""
    os.environ["XDG_CONFIG_HOME"] = str(folder)
    site = write_site(folder)
    light = "light: {exposure_us: 500, exposure_least_us: 100, exposure_most_us: 1000}\n"
    site.write_text(re.sub(r"rate_hz: \d+", f"rate_hz: {rate_hz}", site.read_text()) + light)
    plan, result = make_plan(read_site(site), Choice(port=free_port(), viewer_port=None)), Soaked()
    with _parts(plan) as (capture, parts, heard), RingReader(plan.capture.ring) as ring:
        port = int(plan.url.rsplit(":", 1)[1])
        client = threading.Thread(target=_receive, args=(port, result.received), daemon=True)
        _await_first_pose(heard, result)
        client.start()
        begun_s = time.monotonic()
        while ring.head < sets and time.monotonic() - begun_s < seconds:
            _look(capture, parts, result, since_s=begun_s)
            time.sleep(_LOOK_S)
        result.seconds = time.monotonic() - begun_s
        result.accounts = capture.stop().accounts
        _come_to_rest(heard, result)
        result.sets, result.counters = ring.head, _counters(port)
    return result


@contextmanager
def _parts(plan: Plan) -> "Iterator[tuple[CaptureHandle, dict[str, Child], queue.SimpleQueue[Heard]]]":
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    own = {part.name: part for part in plan.parts}
    # The loop before the cameras, so that it misses no set; the detector after them, whose truth they render.
    parts = {name: Child(own.pop(name), heard) for name in (SERVER, LOOP)}
    while (word := heard.get(timeout=_RENDER_S)).part != SERVER or not word.line.startswith(b"ws"):
        continue
    capture = start_capture(plan.capture, timeout_s=_RENDER_S)
    try:
        parts |= {name: Child(part, heard) for name, part in own.items()}
        yield capture, parts, heard
    finally:
        for child in parts.values():
            child.ask_to_end()
        for child in parts.values():
            child.await_end()
        capture.stop()
        remove_pipes(plan.capture.ring)


def _await_first_pose(heard: "queue.SimpleQueue[Heard]", result: Soaked) -> None:
    end_s = time.monotonic() + _RENDER_S
    while time.monotonic() < end_s:
        _note(heard, result)
        if result.loop is not None and result.loop.actors:
            return
    raise SystemExit(f"no pose within {_RENDER_S:.0f} s")


def _note(heard: "queue.SimpleQueue[Heard]", result: Soaked) -> None:
    """Keep the loop's newest report."""
    try:
        word = heard.get(timeout=_LOOK_S)
        while True:
            if word.part == LOOP and b'"report"' in word.line:
                result.loop = msgspec.json.decode(word.line, type=LoopReport)
                # A second without answers tells of none.
                result.answers = max(result.answers, result.loop.seq + 1)
            word = heard.get_nowait()
    except queue.Empty:
        return


def _come_to_rest(heard: "queue.SimpleQueue[Heard]", result: Soaked) -> None:
    end_s = time.monotonic() + _QUIET_S
    while time.monotonic() < end_s:
        _note(heard, result)


def _receive(port: int, received: list[int]) -> None:
    decoder = msgspec.msgpack.Decoder(_Seq)
    try:
        for _, content in raw_messages(port):
            message = decoder.decode(content)
            if message.type == "pose":
                received.append(message.seq)
    except OSError as error:
        # At the end nothing comes any more. Before it, the poses that were sent and received differ.
        sys.stderr.write(f"client: {error}\n")


class _Seq(msgspec.Struct):
    type: str
    seq: int = -1


def _look(capture: CaptureHandle, parts: dict[str, Child], result: Soaked, *, since_s: float) -> None:
    pids = {"capture": capture.pid, **{name: child.pid for name, child in parts.items()}}
    pids["renderer"] = children(capture.pid)[0]
    for name, pid in pids.items():
        status = Path(f"/proc/{pid}/status").read_text()
        found = re.search(r"^RssAnon:\s+(\d+)", status, re.MULTILINE)
        if found is not None:
            now = (time.monotonic() - since_s, int(found[1]) / 1024)
            result.memory_mb.setdefault(name, []).append(now)
            result.handles.setdefault(name, []).append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
    # What is told once a second in a real rig.
    parts[LOOP].tell(RigState(parts={"soak": f"{time.monotonic() - since_s:.0f} s"}))


def _counters(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name.removeprefix("mvmono3d_stream_"): float(value) for name, value in map(str.split, lines)}


def growth(series: list[tuple[float, float]]) -> tuple[float, float]:
    """Return megabytes at the end of the warm-up's part, and by how many they grow in a minute after it."""
    table = np.array(series)
    late = table[table[:, 0] >= _WARM * table[-1, 0]]
    slope = float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) if len(late) > 2 else float("nan")
    return float(late[0, 1]), 60.0 * slope


def ledger(result: Soaked) -> list[tuple[str, str, bool]]:
    """Return every equation: what it says, its numbers, whether it holds."""
    accounts, loop, counters = result.accounts, result.loop, result.counters
    if accounts is None or loop is None:
        return [("capture and loop told their counts", "", False)]
    delivered = sum(camera.delivered for camera in accounts.cameras)
    used, waiting = (
        sum(getattr(camera, name) for camera in accounts.cameras) for name in ("used", "in_hand")
    )
    causes = Counter[str]()
    for camera in accounts.cameras:
        causes.update({cause.name.lower(): count for cause, count in camera.lost})
    lost = causes.total()
    answers, could = result.answers, result.sets - loop.first
    published, replaced = counters["poses_published_total"], counters["poses_replaced"]
    got, sent = len(result.received), counters["poses_sent_total"]
    return [
        (
            "frames delivered = used + lost + in hand",
            f"{delivered} = {used} + {lost} + {waiting}"
            + "".join(f", {n} {why}" for why, n in causes.items()),
            accounts.balanced and delivered == used + lost + waiting,
        ),
        (
            "sets that left capture = sets in the ring",
            f"{accounts.sets} = {result.sets}",
            accounts.sets == result.sets,
        ),
        (
            "sets that the loop could have = answers + overtaken",
            f"{could} = {answers} + {loop.skipped}",
            could == answers + loop.skipped,
        ),
        (
            "answers = handed to the server + replaced before it looked",
            f"{answers} = {published:.0f} + {replaced:.0f}",
            answers == published + replaced,
        ),
        ("poses sent = poses received", f"{sent:.0f} = {got}", sent == got),
        (
            "poses come in order, none twice",
            f"{got} numbers, {result.received[0]} to {result.received[-1]}" if got else "none",
            got > 0 and bool((np.diff(result.received) > 0).all()),
        ),
    ]


def _memory_row(name: str, result: Soaked) -> tuple[str, bool]:
    series, handles = result.memory_mb[name], result.handles[name]
    begun_mb, minute_mb = growth(series)
    hour_mb = minute_mb * (result.seconds / 60.0) * HOUR / max(result.sets, 1)
    return (
        f"| {name} | {begun_mb:.1f} MB | {1e3 * minute_mb:+.0f} kB | {hour_mb:+.2f} MB | "
        f"{handles[len(handles) // 3]} then {handles[-1]} |",
        hour_mb <= _MOST_MB_PER_HOUR,
    )


def main() -> int:
    """Measure, print and write the page; returns 1 where an equation fails or memory grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where soak.md is written")
    parser.add_argument("--rate", type=int, default=400, help="of the trigger (default %(default)s Hz)")
    parser.add_argument("--seconds", type=float, default=570.0, help="at most (default %(default)s)")
    parser.add_argument("--sets", type=int, default=HOUR, help="end after so many (default %(default)s)")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), rate_hz=chosen.rate, seconds=chosen.seconds, sets=chosen.sets)
    equations, rows = ledger(result), [_memory_row(name, result) for name in result.memory_mb]
    page = _PAGE.format(
        arguments=" ".join(sys.argv[1:]),
        rate=chosen.rate,
        date=datetime.date.today().isoformat(),
        python=platform.python_version(),
        processor=processor(),
        load=load,
        load_after=os.getloadavg()[0],
        commit=commit("mvmono3d"),
        sets=result.sets,
        share=result.sets / HOUR,
        hour=HOUR,
        seconds=result.seconds,
        answers=result.answers,
        equations="\n".join(
            f"| {what} | {numbers} | {'holds' if held else '**fails**'} |"
            for what, numbers, held in equations
        ),
        memory="\n".join(row for row, _ in rows),
        warm=_WARM,
        most=_MOST_MB_PER_HOUR,
    )
    chosen.folder.mkdir(parents=True, exist_ok=True)
    (chosen.folder / "soak.md").write_text(page)
    sys.stdout.write(page)
    return 0 if all(held for *_, held in equations) and all(flat for _, flat in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
