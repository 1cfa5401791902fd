"""The ways a rig goes wrong, alone and together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.deploy.sync.simulated_triggers import MS, PERIOD_NS, Faults, World

DRIFTING = (40_000, -40_000, 15_000, -5_000)
EVERY = {
    "missed": 0.01, "lost": 0.01, "incomplete": 0.005, "late": 0.005, "duplicate": 0.01, "double": 0.005,
    "blank": 0.005, "stalls": 0.0005, "drift_ppb": DRIFTING,
}  # fmt: skip
STEPS_NS = (
    *(5 * 10**9, -5 * 10**9, PERIOD_NS, -PERIOD_NS, 2 * PERIOD_NS, -2 * PERIOD_NS, -3 * PERIOD_NS),
    *(MS, -MS, 2 * MS, -2 * MS, 4 * MS, -4 * MS, PERIOD_NS // 2, 7 * PERIOD_NS, 10**15, -(10**15)),
)
SPACING = 120
"""Pulses between two faults of one kind that a rig needs time to recover from."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`faults` of a number of pulses; `forgiven`: complete sets that one step or outage may cost."""

    name: str
    faults: Faults | Callable[[int, int], Faults]
    world: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)
    forgiven: int = 0

    def make(self, pulses: int, *, seed: int) -> World:
        faults: Faults = self.faults(pulses, seed) if callable(self.faults) else self.faults
        return World(pulses=pulses, faults=faults, seed=seed, **({"cameras": 4} | self.world))


def _steps(pulses: int, seed: int) -> tuple[tuple[int, int, int], ...]:
    random = np.random.default_rng(seed)
    places = range(SPACING, pulses - SPACING, SPACING)
    return tuple(
        (place + int(random.integers(SPACING // 2)), number % 4, STEPS_NS[number % len(STEPS_NS)])
        for number, place in enumerate(places)
    )


def _stepping(pulses: int, seed: int) -> Faults:
    return Faults(steps=_steps(pulses, seed), drift_ppb=DRIFTING)


def _everything(pulses: int, seed: int) -> Faults:
    return Faults(steps=_steps(pulses, seed), **EVERY)


def _resets(pulses: int, seed: int) -> Faults:
    steps = _steps(pulses, seed)
    return Faults(resets=tuple((pulse, camera) for pulse, camera, _ in steps), missed=0.005)


def _outages(pulses: int, seed: int) -> Faults:
    gone = ((pulse, pulse + 40, camera) for pulse, camera, _ in _steps(pulses, seed))
    return Faults(outages=tuple(gone), missed=0.005)


SCENARIOS = (
    Scenario(name="PTP", faults=Faults(synchronised=True)),
    Scenario(name="free clocks", faults=Faults(drift_ppb=DRIFTING)),
    Scenario(name="missed triggers", faults=Faults(missed=0.01, drift_ppb=DRIFTING)),
    Scenario(name="lost and incomplete", faults=Faults(lost=0.01, incomplete=0.01, missed=0.01)),
    Scenario(name="late by 50 ms", faults=Faults(late=0.01)),
    Scenario(name="out of order", faults=Faults(reordered=0.02), settings={"wait_ns": 3 * PERIOD_NS}),
    Scenario(name="duplicates", faults=Faults(duplicate=0.02)),
    Scenario(name="double triggers", faults=Faults(double=0.01)),
    Scenario(name="trigger pauses", faults=Faults(blank=0.02, missed=0.01)),
    Scenario(name="host stalls", faults=Faults(stalls=0.002)),
    Scenario(name="queues", faults=Faults(jitter_ns=1_500_000, lost=0.005), settings={"wait_ns": 40 * MS}),
    Scenario(
        name="16-bit ids",
        faults=Faults(lost=0.01, missed=0.01),
        world={"id_modulus": 65536, "first_id": 65000},
    ),
    Scenario(
        name="GigE Vision ids", faults=Faults(lost=0.01), world={"id_modulus": 65535, "first_id": 65000}
    ),
    Scenario(name="all of these", faults=Faults(**EVERY)),
    Scenario(name="two cameras", faults=Faults(**EVERY), world={"cameras": 2}),
    Scenario(name="eight cameras", faults=Faults(**EVERY), world={"cameras": 8}),
    Scenario(name="clock steps", faults=_stepping, forgiven=4),
    Scenario(name="clock resets", faults=_resets, forgiven=4),
    Scenario(name="cameras gone and back", faults=_outages, forgiven=3),
    Scenario(name="everything at once", faults=_everything, forgiven=5),
)
