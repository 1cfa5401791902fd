"""The cloud's process: carves what the cameras see, after the loop; see `worker` for its two ends.

It takes the newest answer of the loop and that answer's frame set. Everything else of the rig comes first.
"""

import gc
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from mvmono3d.core.rig_file import read_rig
from mvmono3d.deploy.cloud.carving import Carving
from mvmono3d.deploy.cloud.orders import CloudOrder, CloudWords
from mvmono3d.deploy.cloud.pace import Pace
from mvmono3d.deploy.detect.exchange import cloud_outlet
from mvmono3d.deploy.ring.watch import RingWatch
from mvmono3d.deploy.server.beside import Beside
from mvmono3d.deploy.server.channel import Topic
from mvmono3d.deploy.server.convert import pose_frame
from mvmono3d.deploy.server.messages import Box, Cloud, Pose, Status
from mvmono3d.deploy.worker import Orders, Ready, say, work

_NICE = 10
"""How far it stands back: where a core is short, it gets a tenth of what the others do."""
_IDLE_S, _SAY_S = 0.005, 1.0


class Clouding:
    """Answers in, clouds out, of one rig."""

    def __init__(self, order: CloudOrder, carving: Carving) -> None:
        self._carving, self._ring = carving, RingWatch(order.name)
        self._poses, self._states = Beside(order.name, Topic.POSE), Beside(order.name, Topic.STATUS)
        self._pace = Pace(order.settings.rate_hz, now_s=time.monotonic())
        self._region: Box | None = None
        self._shortfall = ""

    @property
    def words(self) -> str:
        """How it gets on."""
        return self._shortfall or self._carving.words

    def left_s(self) -> float:
        """Return how long nothing is to be done."""
        return self._pace.left_s(time.monotonic())

    def turn(self) -> Cloud | None:
        """Make the cloud of the newest answer; `None` where there is no new one, or nothing to be seen."""
        begun_s, pose = time.monotonic(), self._poses.take()
        self._look(begun_s)
        if not isinstance(pose, Pose):
            return None
        found = self._ring.at_time(pose.t_ns)
        if found is None:
            return None
        cloud = self._carving.step(found, pose_frame(pose), self._region)
        self._pace.turned(pose.seq, begun_s=begun_s, now_s=time.monotonic())
        return cloud

    def close(self) -> None:
        """Let go; safe to call twice."""
        for each in (self._ring, self._poses, self._states):
            each.close()

    def _look(self, now_s: float) -> None:
        status = self._states.take()
        if isinstance(status, Status):
            self._region = status.roi
        shortfall = self._pace.shortfall(now_s)
        self._shortfall = self._shortfall if shortfall is None else shortfall


def main() -> int:
    """Make clouds until the input ends; returns the exit code."""
    return work(CloudOrder, _run, name="cloud")


def _run(order: CloudOrder) -> None:
    orders: Orders[None] = Orders(None)
    _stand_back()
    carving = Carving(read_rig(Path(order.rig)), order.settings, bits=order.bits)
    carving.prepare()
    clouding, outlet = Clouding(order, carving), cloud_outlet(order.name)
    say(Ready())
    said, said_s = "", 0.0
    # What was loaded stays; looking through it again and again would cost milliseconds.
    gc.freeze()
    while not orders.wait(max(clouding.left_s(), _IDLE_S)):
        cloud = clouding.turn()
        if cloud is not None:
            outlet.put(cloud)
        now_s = time.monotonic()
        if clouding.words != said and now_s - said_s >= _SAY_S:
            said, said_s = clouding.words, now_s
            say(CloudWords(words=said))
    for each in (clouding, outlet):
        each.close()


def _stand_back() -> None:
    """Let every other process of the rig go first.

    Where Linux gives each session a share of its own (sched(7), autogroups), niceness counts within it alone.
    """
    os.nice(_NICE)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(_NICE))


if __name__ == "__main__":
    sys.exit(main())
