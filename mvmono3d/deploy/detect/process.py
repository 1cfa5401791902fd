"""The detector's process: looks at the frame sets that the loop asks about; see `worker` for its two ends."""

import sys
import time

import msgspec

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.detect.exchange import (
    Answer,
    Ask,
    Inlet,
    Outlet,
    answer_name,
    ask_name,
    joints_part,
    preview_outlet,
    windows_of,
)
from mvmono3d.deploy.detect.look import look
from mvmono3d.deploy.detect.previews import Previews
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.source import DetectorSource, Eyes, open_eyes
from mvmono3d.deploy.ring.reader import RingSet
from mvmono3d.deploy.ring.watch import RingWatch
from mvmono3d.deploy.worker import Orders, Ready, say, work
from mvmono3d.errors import EngineError

_PATIENCE_S = 0.1
_MS_PER_NS = 1e-6


class DetectOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the detector is told, as one line on its input."""

    name: str
    """Of ring and channels."""
    source: DetectorSource
    skeleton: str
    """Name or file."""
    bits: int
    cameras: tuple[str, ...]
    preview_hz: float = 5.0
    """Of small pictures for viewers; 0 for none."""


def main() -> int:
    """Look until the input ends; returns the exit code."""
    return work(DetectOrder, _look, name="detector")


def _look(order: DetectOrder) -> None:
    serve(order, open_eyes(order.source, load_skeleton(order.skeleton)))


def serve(order: DetectOrder, eyes: Eyes) -> None:
    """Answer questions until the input ends."""
    orders: Orders[None] = Orders(None)
    asks, answers = Inlet(ask_name(order.name), Ask), Outlet[Answer](answer_name(order.name))
    pictures, ring = preview_outlet(order.name), RingWatch(order.name)
    previews = Previews(order.cameras, bits=order.bits, rate_hz=order.preview_hz)
    # What was asked before this process lived, nobody waits for any more.
    asks.take(0.0)
    say(Ready())
    while not orders.ended:
        ask = asks.take(_PATIENCE_S)
        found = None if ask is None else ring.at(ask.number)
        if ask is None:
            continue
        answers.put(answer(ask, found, eyes, bits=order.bits))
        small = None if found is None else previews.of(found)
        if small is not None:
            pictures.put(small)
    for each in (asks, answers, pictures, ring):
        each.close()


def answer(ask: Ask, found: RingSet | None, eyes: Eyes, *, bits: int) -> Answer:
    """Look at a frame set, `None` where it has left the ring."""
    if found is None:
        return Answer(number=ask.number, error="the frame set was overwritten before it was looked at")
    began_ns = time.perf_counter_ns()
    try:
        seen = look(
            whole_images(found, bits=bits),
            tuple(windows_of(part) for part in ask.windows),
            search=ask.search,
            detector=eyes.detector,
            finder=eyes.finder,
        )
    except EngineError as error:
        return Answer(number=ask.number, error=str(error))
    looked_ms = (time.perf_counter_ns() - began_ns) * _MS_PER_NS
    return Answer(number=ask.number, joints=joints_part(seen), looked_ms=looked_ms)


def whole_images(found: RingSet, *, bits: int) -> WholeImages:
    """Return a set of the ring as detectors take it."""
    return WholeImages(
        images=found.images,
        bits=bits,
        present=found.present,
        frame_id=found.frame_id,
        time_ns=found.time_ns,
    )


if __name__ == "__main__":
    sys.exit(main())
