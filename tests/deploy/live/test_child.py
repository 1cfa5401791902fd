"""A process that dies is started again, one that always dies is given time, and none outlives its starter."""

import os
import queue
import signal
import time
from pathlib import Path

from mvmono3d.deploy.live.child import Child, Heard, Part, State

_PATIENT = Part(name="patient", module="mvmono3d.deploy.live.tied", arguments=("timeit", "-n", "1", "-r", "1",
                "import time; print('here', flush=True); time.sleep(60)"))  # fmt: skip
_HASTY = Part(name="hasty", module="timeit", arguments=("-n", "1", "-r", "1", "raise SystemExit(1)"))


def _await_word(heard: "queue.SimpleQueue[Heard]") -> None:
    assert heard.get(timeout=60).line == b"here\n"


def test_the_dead_come_back():
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    child = Child(_PATIENT, heard)
    _await_word(heard)
    child.ready()
    first = child.pid
    os.kill(first, signal.SIGKILL)
    end_s = time.monotonic() + 10
    while child.pid == first and time.monotonic() < end_s:
        child.look(time.monotonic())
        time.sleep(0.01)
    assert child.pid != first
    assert child.deaths == 1
    _await_word(heard)
    child.await_end()
    assert child.state is State.ENDED
    assert not Path(f"/proc/{child.pid}").exists()


def test_one_that_always_dies_is_started_less_and_less_often():
    child = Child(_HASTY, queue.SimpleQueue())
    begun_s = time.monotonic()
    while child.deaths < 4 and time.monotonic() < begun_s + 60:
        child.look(time.monotonic())
        time.sleep(0.005)
    died_s = time.monotonic()
    assert child.state is State.RESTARTING
    child.look(died_s)
    assert child.state is State.RESTARTING
    assert "died 4 x" in child.words
    child.await_end()
