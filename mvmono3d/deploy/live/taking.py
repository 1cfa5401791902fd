"""The process that records a live take: every frame set of the ring, and the poses that were published."""

import logging
import sys
import time
from pathlib import Path

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.live.answers import Answers
from mvmono3d.deploy.live.orders import Taking, TakingOrder
from mvmono3d.deploy.recording.consent import read_consent
from mvmono3d.deploy.recording.from_ring import frame_set
from mvmono3d.deploy.recording.recorder import Recorder, start_recorder
from mvmono3d.deploy.recording.writer import WriterState
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.deploy.worker import Orders, Ready, say, work
from mvmono3d.errors import RecordingError

_IDLE_S = 0.002
_LOOK_S, _LAST_S = 0.1, 0.3
_LOG = logging.getLogger(__name__)


def main() -> int:
    """Record until the input ends; returns the exit code."""
    return work(TakingOrder, _record, name="recorder")


def new_folder(wanted: Path) -> Path:
    """Return the folder, or the first of FOLDER-2, FOLDER-3 … that is not there yet."""
    if not wanted.exists():
        return wanted
    number = 2
    while (found := wanted.with_name(f"{wanted.name}-{number}")).exists():
        number += 1
    return found


def _record(order: TakingOrder) -> None:
    orders: Orders[None] = Orders(None)
    folder = new_folder(Path(order.folder))
    recorder = start_recorder(
        folder,
        cameras=order.cameras,
        consent=read_consent(Path(order.consent)),
        purpose=order.purpose,
        recipients=order.recipients,
        rig=None if order.rig is None else Path(order.rig),
        settings=order.settings,
    )
    try:
        with RingReader(order.ring) as ring:
            say(Ready())
            say(Taking(folder=str(folder)))
            answers = Answers(order.ring, load_skeleton(order.skeleton))
            _feed(ring, answers, recorder, orders, order)
            _await_answers(answers, recorder)
    finally:
        recorder.stop()


def _feed(
    ring: RingReader, answers: Answers, recorder: Recorder, orders: "Orders[None]", order: TakingOrder
) -> None:
    looked_s = 0.0
    while not orders.ended:
        found = ring.next()
        if found is not None:
            recorder.offer(frame_set(found, cameras=order.cameras, bits=order.bits))
            answers.expect(found.time_ns)
        elif ring.closed:
            return
        else:
            time.sleep(_IDLE_S)
        recorder.offer_joints(*answers.take())
        now_s = time.monotonic()
        if now_s - looked_s > _LOOK_S:
            looked_s, health = now_s, recorder.health()
            if health.state is not WriterState.RECORDING:
                raise RecordingError(f"{order.folder}: {health.message or 'the recorder stopped'}")
            if not health.alive:
                raise RecordingError(f"{order.folder}: {health.message}")


def _await_answers(answers: Answers, recorder: Recorder) -> None:
    """Record the answers for the last sets, which come a little later than those."""
    end_s = time.monotonic() + _LAST_S
    while answers.awaited and time.monotonic() < end_s:
        recorder.offer_joints(*answers.take())
        time.sleep(_IDLE_S)
    if answers.skipped:
        _LOG.warning("%s: %d answers came too fast to be recorded", recorder.folder, answers.skipped)


if __name__ == "__main__":
    sys.exit(main())
