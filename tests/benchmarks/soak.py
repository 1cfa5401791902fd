"""An hour of frame sets as fast as the machine can: `python -m tests.benchmarks.soak docs/benchmarks`.

Every process of a rig runs; its virtual cameras are triggered many times faster than a rig's. Whatever the
machine can't follow is overtaken, and has to be counted.
"""

import argparse
import os
import queue
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mvmono3d.deploy.capture.handle import CaptureHandle, start_capture
from mvmono3d.deploy.live.child import Child, Heard
from mvmono3d.deploy.live.plan import LOOP, SERVER, Choice, Plan, make_plan
from mvmono3d.deploy.loop.orders import LoopReport, RigState
from mvmono3d.deploy.ring.pipe import remove_pipes
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.deploy.site.site_file import read_site
from tests.benchmarks.raw_stream import raw_messages
from tests.benchmarks.soak_page import HOUR, Soaked, ledger, memory_row, page_of
from tests.deploy.live.rigs import children, free_port
from tests.deploy.live.small_site import write_site

_LOOK_S, _QUIET_S, _RENDER_S = 1.0, 3.0, 600.0


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
    try:
        while (word := heard.get(timeout=_RENDER_S)).part != SERVER or not word.line.startswith(b"ws"):
            continue
        with start_capture(plan.capture, timeout_s=_RENDER_S) as capture:
            parts |= {name: Child(part, heard) for name, part in own.items()}
            yield capture, parts, heard
    finally:
        for child in parts.values():
            child.ask_to_end()
        for child in parts.values():
            child.await_end()
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
    equations, rows = ledger(result), [memory_row(name, result) for name in result.memory_mb]
    page = page_of(result, equations, [row for row, _ in rows], rate_hz=chosen.rate, load=load)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    (chosen.folder / "soak.md").write_text(page)
    sys.stdout.write(page)
    return 0 if all(held for *_, held in equations) and all(flat for _, flat in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
