"""The detector's process: looks at the frame sets that the loop asks about; see `worker` for its two ends."""

import gc
import math
import sys
import time

import msgspec
import numpy as np
from jaxtyping import Int64

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
from mvmono3d.deploy.detect.others import look_and_search
from mvmono3d.deploy.detect.previews import Previews
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.source import DetectorSource, Eyes, open_eyes
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.deploy.ring.reader import RingSet
from mvmono3d.deploy.ring.watch import RingWatch
from mvmono3d.deploy.worker import Orders, Ready, say, work
from mvmono3d.errors import EngineError

_PATIENCE_S = 0.1
_MS_PER_NS = 1e-6
_REACH, _MARGIN_PX = 0.5 * math.sqrt(2.0), 24
"""Half of a turned window's diagonal in its sides, and how much further interpolation may look."""


class DetectOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the detector is told, as one line on its input."""

    name: str
    """Of ring and channels."""
    source: DetectorSource
    skeleton: str
    """Name or file."""
    bits: int
    cameras: tuple[str, ...]
    several: bool = False
    """Whether there may be more actors than one."""
    preview_hz: float = 5.0
    """Of small pictures for viewers; 0 for none."""


def main() -> int:
    """Look until the input ends; returns the exit code."""
    return work(DetectOrder, _look, name="detector")


def _look(order: DetectOrder) -> None:
    serve(order, open_eyes(order.source, load_skeleton(order.skeleton), several=order.several))


def serve(order: DetectOrder, eyes: Eyes) -> None:
    """Answer questions until the input ends."""
    orders: Orders[None] = Orders(None)
    asks, answers = Inlet(ask_name(order.name), Ask), Outlet[Answer](answer_name(order.name))
    pictures, ring = preview_outlet(order.name), RingWatch(order.name)
    previews = Previews(order.cameras, bits=order.bits, rate_hz=order.preview_hz)
    # What was asked before this process lived, nobody waits for any more.
    asks.take(0.0)
    say(Ready())
    # What was loaded stays; looking through it again and again would cost milliseconds.
    gc.freeze()
    while not orders.ended:
        ask = asks.take(_PATIENCE_S)
        if ask is None:
            continue
        windows = tuple(windows_of(part) for part in ask.windows)
        # A search wants whole images; following copies no more of them than it looks at.
        found = ring.at(ask.number, boxes=None if ask.search else surroundings(windows))
        answers.put(answer(ask.number, found, windows, search=ask.search, eyes=eyes, bits=order.bits))
        whole = None if found is None or not previews.due(found.time_ns) else ring.at(ask.number)
        if whole is not None:
            pictures.put(previews.of(whole))
    for each in (asks, answers, pictures, ring):
        each.close()


def surroundings(windows: tuple[Windows, ...]) -> Int64[np.ndarray, "view 4"] | None:
    """Return the box (left, top, right, bottom) of every view that holds all windows, however they turn."""
    if not windows:
        return None
    known = np.stack([np.asarray(each.known) for each in windows])
    centre = np.stack([each.centre_px for each in windows])
    reach = np.stack([_REACH * each.side_px + _MARGIN_PX for each in windows])[..., None]
    low = np.where(known[..., None], centre - reach, np.inf).min(axis=0)
    high = np.where(known[..., None], centre + reach, -np.inf).max(axis=0)
    boxes = np.concatenate([np.floor(low), np.ceil(high)], axis=-1)
    return np.where(np.any(known, axis=0)[:, None], boxes, 0.0).astype(np.int64)


def answer(
    number: int,
    found: RingSet | None,
    windows: tuple[Windows, ...],
    *,
    search: bool,
    eyes: Eyes,
    bits: int,
) -> Answer:
    """Look at a frame set, `None` where it has left the ring."""
    if found is None:
        return Answer(number=number, error="the frame set was overwritten before it was looked at")
    began_ns = time.perf_counter_ns()
    try:
        images = whole_images(found, bits=bits)
        if eyes.everybody is not None:
            seen = eyes.everybody.see(images)
        elif search and windows:
            seen = look_and_search(images, windows, detector=eyes.detector, finder=eyes.finder)
        else:
            seen = look(images, windows, search=search, detector=eyes.detector, finder=eyes.finder)
    except EngineError as error:
        return Answer(number=number, error=str(error))
    looked_ms = (time.perf_counter_ns() - began_ns) * _MS_PER_NS
    return Answer(number=number, joints=joints_part(seen), looked_ms=looked_ms)


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
