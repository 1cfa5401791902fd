"""The recorder's own process: takes what waits in the queue and writes it, until its input ends.

Started by `mvmono3d.deploy.recording.recorder`. When the capture process ends, for whatever reason, its end
of the pipe closes, and everything that waits is still written.
"""

import logging
import os
import select
import signal
import sys
from pathlib import Path
from types import FrameType

import msgspec

from mvmono3d.deploy.recording.description import read_description
from mvmono3d.deploy.recording.ending import write_ending
from mvmono3d.deploy.recording.exchange import Exchange
from mvmono3d.deploy.recording.ledger import Account, Ledger
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.recording.wire import SideMessage, unpacked
from mvmono3d.deploy.recording.writer import RecordingWriter, WriterState

_LOG = logging.getLogger(__name__)
_IDLE_S = 0.002


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the recorder is told, as one line on its input; a key never stands in a command line."""

    folder: str
    handle: int
    slots: int
    slot_bytes: int
    settings: RecorderSettings
    key: bytes | None = None


class _End:
    """Whether to end: the input says so, or a signal, or the process that started this one is gone."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._signalled = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signalled = True

    def asked(self, wait_s: float) -> bool:
        readable, _, _ = select.select([sys.stdin], [], [], wait_s)
        # A fork of the capture process may hold the pipe open after it.
        return bool(readable) or self._signalled or os.getppid() != self._parent


def main() -> int:
    """Record until the input says anything more, or ends."""
    logging.basicConfig(level=logging.INFO, format="recorder: %(message)s", stream=sys.stderr)
    # Ctrl-C reaches the whole group; the capture process decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = _End()
    signal.signal(signal.SIGTERM, end.ask)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    folder = Path(order.folder)
    description = read_description(folder)
    exchange = Exchange(
        order.handle, cameras=len(description.cameras), slots=order.slots, slot_bytes=order.slot_bytes
    )
    ledger = Ledger(description.cameras, exchange.counts)
    writer = RecordingWriter(
        folder,
        session=description.session_bytes,
        ledger=ledger,
        settings=order.settings,
        seal=None if order.key is None else Seal(order.key),
    )
    _record(writer, exchange, end)
    writer.close()
    _end(folder, ledger.account())
    _publish(exchange, writer)
    return 1 if writer.state is WriterState.FAILED else 0


def _record(writer: RecordingWriter, exchange: Exchange, end: _End) -> None:
    ending = False
    while True:
        slots = exchange.queue.waiting()
        for item in unpacked(slots):
            if isinstance(item, SideMessage):
                writer.write_message(item.topic, bytes(item.content), time_ns=item.time_ns)
                exchange.queue.release(1)
            else:
                writer.write(item.frames)
                exchange.queue.release(item.slots)
        writer.tick()
        _publish(exchange, writer)
        if ending and not slots:
            return
        ending = ending or end.asked(0.0 if slots else _IDLE_S)


def _publish(exchange: Exchange, writer: RecordingWriter) -> None:
    exchange.publish(
        state=writer.state,
        message=writer.message,
        free_bytes=writer.free_bytes,
        seconds_left=writer.seconds_left,
    )


def _end(folder: Path, account: Account) -> None:
    try:
        write_ending(folder, account)
    except OSError as error:
        _LOG.error("how the recording ended can't be written: %s", error)


if __name__ == "__main__":
    sys.exit(main())
