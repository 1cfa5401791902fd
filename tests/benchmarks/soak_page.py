"""What came of a soak: every equation of its ledger, every process's memory, and the page of them."""

import datetime
import os
import platform
import sys
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from mvmono3d.deploy.loop.orders import LoopReport
from mvmono3d.deploy.sync.ledger import Accounts
from tests.benchmarks.machine import commit, processor

HOUR = 216_000
"""Frame sets of an hour at 60 Hz."""
_WARM = 0.3
"""Share of the time after which memory must not grow any more."""
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


def memory_row(name: str, result: Soaked) -> tuple[str, bool]:
    series, handles = result.memory_mb[name], result.handles[name]
    begun_mb, minute_mb = growth(series)
    hour_mb = minute_mb * (result.seconds / 60.0) * HOUR / max(result.sets, 1)
    return (
        f"| {name} | {begun_mb:.1f} MB | {1e3 * minute_mb:+.0f} kB | {hour_mb:+.2f} MB | "
        f"{handles[len(handles) // 3]} then {handles[-1]} |",
        hour_mb <= _MOST_MB_PER_HOUR,
    )


def page_of(
    result: Soaked, equations: list[tuple[str, str, bool]], memory: list[str], *, rate_hz: int, load: float
) -> str:
    """Return the page; `load` is the machine's before it began."""
    return _PAGE.format(
        arguments=" ".join(sys.argv[1:]),
        rate=rate_hz,
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
        memory="\n".join(memory),
        warm=_WARM,
        most=_MOST_MB_PER_HOUR,
    )
