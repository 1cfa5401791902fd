"""Drive an assembler with a simulated rig, as the capture process does, and judge what came out."""

import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from mvmono3d.deploy.sync.assembler import Assembler
from mvmono3d.deploy.sync.ledger import Accounts, Ledger
from mvmono3d.deploy.sync.records import Event, Outcome
from mvmono3d.deploy.sync.settings import SyncSettings
from tests.deploy.sync.simulated_triggers import MS, PERIOD_NS, World

TICK_NS = 2 * MS
SAMPLE_NS = 1000 * MS


@dataclass(kw_only=True)
class Verdict:
    sets: int = 0
    mixed: list = field(default_factory=list)
    complete: set = field(default_factory=set)
    repeated: int = 0
    disordered: int = 0
    foreign: int = 0
    """Second exposures that were used."""
    widest_ns: int = 0
    slowest_ns: int = 0
    """Greatest time from the first frame of a set at the host to the set's leaving."""
    most_in_hand: int = 0
    causes: Counter = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    used: set = field(default_factory=set)
    spent_ns: int = 0
    accounts: Accounts | None = None
    unbalanced: int = 0


class Replay:
    """Pushes frames, lets time pass, latches clocks when asked to and every second."""

    def __init__(self, world: World, settings: SyncSettings, *, audit_every: int = 1) -> None:
        self.world, self.audit_every = world, audit_every
        self.assembler = Assembler(settings)
        self.ledger = Ledger(cameras=settings.cameras, period_ns=settings.period_ns)
        self.verdict = Verdict()
        self.latched: list = []
        self.last_ns = -(10**18)
        self.wanting = True

    def run(self) -> Verdict:
        frames = self.world.frames()
        first = self.world.events[0][3]
        now = first - 20 * MS
        self._sample(now, tuple(range(self.world.cameras)))
        next_sample = now + SAMPLE_NS
        for count, frame in enumerate(frames):
            while now + TICK_NS < frame.host_ns:
                now += TICK_NS
                self._tick(now)
            now = frame.host_ns
            if now >= next_sample:
                self._sample(now, tuple(range(self.world.cameras)))
                next_sample = now + SAMPLE_NS
            self._hand_in(now)
            self.ledger.deliver(frame.camera)
            self._time(lambda frame=frame: self.assembler.push(frame), now)
            if count % self.audit_every == 0:
                self._audit()
            if self.wanting:
                self._tick(now)
        self._time(self.assembler.drain, now)
        self._audit()
        self.verdict.accounts = self.ledger.accounts(self.assembler.in_hand())
        return self.verdict

    def _tick(self, now: int) -> None:
        self._hand_in(now)
        self._time(lambda: self.assembler.advance(now), now)
        self.wanting = False
        if wanted := [c for c in self.assembler.wanted() if c not in [each[1] for each in self.latched]]:
            self.wanting = True
            self._sample(now, tuple(wanted))

    def _sample(self, now: int, cameras: tuple[int, ...]) -> None:
        for camera in cameras:
            if (sample := self.world.latch(camera, now)) is not None:
                self.latched.append((sample.host_after_ns, camera, sample))
        self.latched.sort(key=lambda each: each[0])

    def _hand_in(self, now: int) -> None:
        while self.latched and self.latched[0][0] <= now:
            _, camera, sample = self.latched.pop(0)
            self._time(lambda camera=camera, sample=sample: self.assembler.sample(camera, sample), now)

    def _time(self, call, now: int) -> None:
        begin = time.thread_time_ns()
        outcome = call()
        self.verdict.spent_ns += time.thread_time_ns() - begin
        if outcome.sets or outcome.losses or outcome.events:
            self.ledger.settle(outcome)
            self._judge(outcome, now)

    def _judge(self, outcome: Outcome, now: int) -> None:
        verdict = self.verdict
        for frame_set in outcome.sets:
            verdict.sets += 1
            pulses = {frame.slot >> 1 for frame in frame_set.frames}
            if len(pulses) > 1:
                verdict.mixed.append((frame_set, pulses))
            verdict.foreign += sum(frame.slot & 1 for frame in frame_set.frames)
            keys = [(frame.camera, frame.slot) for frame in frame_set.frames]
            verdict.repeated += sum(key in verdict.used for key in keys)
            verdict.used.update(keys)
            verdict.disordered += frame_set.time_ns <= self.last_ns
            self.last_ns = frame_set.time_ns
            if not frame_set.absent:
                verdict.complete |= pulses
            verdict.widest_ns = max(verdict.widest_ns, frame_set.spread_ns)
            waited = now - min(frame.host_ns for frame in frame_set.frames)
            verdict.slowest_ns = max(verdict.slowest_ns, waited)
        verdict.causes.update(loss.cause for loss in outcome.losses)
        verdict.events.extend(outcome.events)
        self.wanting = self.wanting or bool(outcome.events)

    def _audit(self) -> None:
        in_hand = self.assembler.in_hand()
        self.verdict.most_in_hand = max(self.verdict.most_in_hand, sum(in_hand))
        self.verdict.unbalanced += not self.ledger.accounts(in_hand).balanced


def replay(world: World, *, audit_every: int = 1, **settings) -> Verdict:
    chosen = SyncSettings(
        cameras=world.cameras, period_ns=PERIOD_NS, id_modulus=world.id_modulus,
        synchronised=world.faults.synchronised, **settings,
    )  # fmt: skip
    return Replay(world, chosen, audit_every=audit_every).run()


def truly_complete(world: World) -> set[int]:
    """Pulses whose frames all arrived whole and in time."""
    return set(np.flatnonzero(world.delivered.all(axis=1)).tolist())
