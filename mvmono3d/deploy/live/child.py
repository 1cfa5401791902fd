"""The outer end of a process that is started, listened to, told things, and started again when it dies."""

import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

_SOON_S = 10.0
"""Who dies sooner after its start than this is given more and more time before the next one."""
_PAUSES_S = (0.0, 0.0, 0.5, 1.0, 2.0, 5.0)
_END_S = 5.0


class State(StrEnum):
    """How a process is."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of a rig."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    order: msgspec.Struct | None = None
    """The first line on its input; `None`: it reads none, and its first word is any line."""


class Heard(NamedTuple):
    """A line that a process said."""

    part: str
    line: bytes


class Child:
    """One part, whichever process is it at the moment."""

    def __init__(self, part: Part, heard: "queue.SimpleQueue[Heard]") -> None:
        """Start it; every line that it says goes to `heard`."""
        self.part, self._heard = part, heard
        self.state, self.message = State.STARTING, ""
        self.deaths = 0
        """How often it died unasked."""
        self.ready_s = 0.0
        """When it last began to work."""
        self._hasty, self._replacing = 0, False
        self._due_s: float | None = None
        self._start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def words(self) -> str:
        """How it is, for people."""
        again = f", died {self.deaths} x" if self.deaths else ""
        why = f": {self.message}" if self.message and self.state is not State.RUNNING else ""
        return f"{self.state}{again}{why}"

    def ready(self, message: str = "") -> None:
        """Note that it has begun to work, or why it can't."""
        self.message = message
        if not message:
            self.state, self.ready_s = State.RUNNING, time.monotonic()

    def look(self, now_s: float) -> None:
        """Start it again where it died, after a pause if it dies again and again."""
        if self.state is State.ENDED:
            return
        if self._due_s is None:
            if self._process.poll() is None:
                return
            self._note_death(now_s)
        if self._due_s is not None and now_s >= self._due_s:
            self._due_s = None
            self._start()

    def replace(self, part: Part) -> None:
        """Go on with another order: the process ends, and the next one gets it."""
        self.part, self._replacing = part, True
        self._close()

    def tell(self, message: msgspec.Struct) -> None:
        """Tell it something; one that has just died hears nothing."""
        if self._process.stdin is None or self._process.poll() is not None:
            return
        try:
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return

    def ask_to_end(self) -> None:
        """Let it end, and stay so."""
        self.state = State.ENDED
        self._close()

    def await_end(self) -> None:
        """Return when it has ended; one that doesn't in time is killed."""
        self.ask_to_end()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()

    def _start(self) -> None:
        part = self.part
        self._born_s = time.monotonic()
        # In a session of its own: Ctrl-C reaches only the one that looks after all of them.
        self._process = subprocess.Popen(
            [sys.executable, "-m", part.module, *part.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()
        if part.order is not None:
            self.tell(part.order)

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                self._heard.put(Heard(self.part.name, line))

    def _note_death(self, now_s: float) -> None:
        self.state = State.RESTARTING
        if self._replacing:
            self._replacing, self._due_s = False, now_s
            return
        self.deaths += 1
        self._hasty = self._hasty + 1 if now_s - self._born_s < _SOON_S else 0
        self._due_s = now_s + _PAUSES_S[min(self._hasty, len(_PAUSES_S) - 1)]
        self._close()

    def _close(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                return
