"""The inner end of a process that another one starts and looks after: lines of JSON in and out.

The first line on the input says what to do, further ones are orders, and its end ends the process: so nobody
is left behind, however the other one died. Lines on the output are what the process has to say.
"""

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from mvmono3d.errors import MVMono3DError

First = TypeVar("First")
Order = TypeVar("Order")


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready", tag_field="says"):
    """The first word: it works, or why it can't."""

    error: str = ""
    """Empty where it works."""


def work(kind: type[First], do: Callable[[First], None], *, name: str) -> int:
    """Do what the first line says; returns the exit code, having said why where it can't be done."""
    order = first_line(kind)
    logging.basicConfig(level=logging.INFO, format=f"{name}: %(message)s", stream=sys.stderr)
    try:
        do(order)
    except MVMono3DError as error:
        say(Ready(error=str(error)))
        return error.exit_code
    return 0


def first_line(kind: type[First]) -> First:
    """Return what this process is to do; from here on only the input's end ends it, and no Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = b""
    # Byte by byte: a buffer would swallow the lines that follow.
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return msgspec.json.decode(line, type=kind)


def say(message: msgspec.Struct) -> None:
    """Say something to whoever started this process; where nobody is left, nothing is lost."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The input has ended, too: `Orders.ended` says so next.
        return


class Orders(Generic[Order]):
    """What comes on the input after the first line, read beside the work."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self._ended.set())
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def ended(self) -> bool:
        """Say whether to end: the input has, or a signal asked for it."""
        return self._ended.is_set()

    def take(self) -> list[Order]:
        """Return the orders since the last call."""
        found: list[Order] = []
        while True:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                return found

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; returns whether to end."""
        return self._ended.wait(seconds)

    def _read(self) -> None:
        # Past Python's buffer, whose lock a thread that waits would still hold when the process ends.
        rest = b""
        while content := os.read(0, 1 << 16):
            *lines, rest = (rest + content).split(b"\n")
            for line in lines:
                self._waiting.put(self._decoder.decode(line))
        self._ended.set()
