"""The guard's process: learns what the detector always gets wrong, then watches whether the rig still stands.

It reads the 2D joints that the loop worked with, and says what it thinks when that changes.
"""

import datetime
import sys
from pathlib import Path

import numpy as np

from mvmono3d.calibration.guard import GuardState, watch
from mvmono3d.calibration.guard_baseline import Baseline, learn_baseline
from mvmono3d.calibration.guard_repair import repair
from mvmono3d.calibration.guard_verdict import Verdict
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.deploy.detect.exchange import Inlet, JointsPart, joints_name
from mvmono3d.deploy.live.orders import GuardOrder, Opinion, PlaceAnew, Placed
from mvmono3d.deploy.worker import Orders, Ready, say, work
from mvmono3d.errors import InvalidRecordError, MVMono3DError

_NS_PER_S = 1e9
_WAIT_S, _BATCH_S = 0.1, 0.5


class Guarding:
    """What the guard remembers."""

    def __init__(self, rig: Rig, *, learn_s: float) -> None:
        self._rig, self._learn_ns = rig, round(learn_s * _NS_PER_S)
        self._batch: list[JointsPart] = []
        self._learning: list[Observations] = []
        self._baseline: Baseline | None = None
        self._state = GuardState()

    def add(self, seen: JointsPart) -> Opinion | None:
        """Take joints in; returns an opinion where there is a new one."""
        if self._batch and seen.time_ns <= self._batch[-1].time_ns:
            return None
        self._batch.append(seen)
        if seen.time_ns - self._batch[0].time_ns < _BATCH_S * _NS_PER_S:
            return None
        observed, self._batch = _observations(self._batch), []
        if self._baseline is None:
            return self._learn(observed)
        self._state = watch(self._state, observed, self._rig, baseline=self._baseline)
        return None if self._state.verdict is None else opinion_of(self._state.verdict)

    def placed_anew(self) -> Rig:
        """Return the rig with the cameras that moved where they stand now; raises `InvalidRecordError`."""
        verdict = self._state.verdict
        if self._baseline is None or verdict is None:
            raise InvalidRecordError("recalibrate: the guard still learns what is normal")
        if not verdict.moved:
            raise InvalidRecordError("recalibrate: no camera moved, as far as the joints tell")
        recent = Observations.concatenate(list(self._state.recent))
        return repair(recent, self._rig, verdict, baseline=self._baseline).rig

    def _learn(self, observed: Observations) -> Opinion | None:
        self._learning.append(observed)
        learned_ns = sum(int(each.time_ns[-1] - each.time_ns[0]) for each in self._learning)
        if learned_ns < self._learn_ns:
            return None
        try:
            self._baseline = learn_baseline(Observations.concatenate(self._learning), self._rig)
        except InvalidRecordError as error:
            self._learning = []
            return Opinion(words=f"learning again: {error}")
        self._learning = []
        return Opinion(words=f"watching; normal noise is {self._baseline.sigma_px:.2f} px")


def opinion_of(verdict: Verdict) -> Opinion:
    """Put a verdict into words."""
    if not verdict.known:
        return Opinion(words="too few joints to judge")
    if verdict.trusted:
        return Opinion(words="the rig stands as calibrated")
    if not verdict.agreeing:
        return Opinion(words="moved", moved="the cameras agree on too few joints: calibrate anew")
    words = ", ".join(
        f"{one.camera} moved by {one.turn_deg:.2f} deg and {one.shift_mm:.1f} mm"
        for one in verdict.moved
        if one.certain
    )
    return Opinion(words="moved", moved=words)


def main() -> int:
    """Watch until the input ends; returns the exit code."""
    return work(GuardOrder, _guard, name="guard")


def _guard(order: GuardOrder) -> None:
    orders: Orders[PlaceAnew] = Orders(PlaceAnew)
    joints = Inlet(joints_name(order.name), JointsPart)
    guarding = Guarding(read_rig(Path(order.rig)), learn_s=order.learn_s)
    say(Ready())
    said = Opinion(words=f"learning for {order.learn_s:g} s with somebody in view")
    say(said)
    while not orders.ended:
        seen = joints.take(_WAIT_S)
        opinion = None if seen is None else guarding.add(seen)
        if opinion is not None and opinion != said:
            said = opinion
            say(said)
        for _ in orders.take():
            say(_place(guarding, Path(order.home)))
    joints.close()


def _place(guarding: Guarding, home: Path) -> Placed:
    now = datetime.datetime.now(datetime.UTC)
    path = home / f"rig-{now:%Y%m%d-%H%M%S}.toml"
    try:
        write_rig(path, guarding.placed_anew())
    except MVMono3DError as error:
        return Placed(refusal=str(error))
    except OSError as error:
        return Placed(refusal=f"recalibrate: {path}: {error.strerror}")
    return Placed(rig=str(path))


def _observations(batch: list[JointsPart]) -> Observations:
    table = np.array([each.joints for each in batch])
    confidence = table[..., 2]
    return Observations(
        pixels=table[..., :2],
        confidence=confidence,
        detected=confidence > 0.0,
        time_ns=np.array([each.time_ns for each in batch], dtype=np.int64),
    )


if __name__ == "__main__":
    sys.exit(main())
