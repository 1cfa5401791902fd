"""Each fault, as it looks to a consumer."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import FaultKind, Simulator
from tests.deploy.gentl.rig import PERIOD_NS, START_NS, Seen, camera, frames, pulse_train

SECOND = 1_000_000_000


def run(
    harvester: Any, simulator: Simulator, pulses: int = 6, *, buffers: int = 16, prepare: Callable[[], None]
) -> list[Seen]:
    with camera(harvester, "SIM0001", buffers=buffers) as acquirer:
        prepare()
        acquirer.start()
        pulse_train(simulator, pulses)
        seen = frames(acquirer)
        simulator.advance(simulator.now_ns() + SECOND)
        seen += frames(acquirer)
        assert_ledger(simulator)
        acquirer.stop()
    return seen


def assert_ledger(simulator: Simulator) -> None:
    for camera_index in range(len(simulator.serials)):
        of = simulator.counters(camera_index)
        assert of.pulses == of.missed + of.refused + of.exposed - of.doubled
        assert of.exposed + of.duplicated == (
            of.delivered + of.lost + of.underruns + of.discarded + of.in_flight
        )


def pairs(seen: list[Seen]) -> list[tuple[int, int]]:
    return [(frame.stamp.pulse, frame.frame_id) for frame in seen]


@pytest.mark.parametrize(
    ("kind", "argument", "expected"),
    [
        (FaultKind.MISSED_TRIGGER, 0, [(0, 1), (1, 2), (3, 3), (4, 4), (5, 5)]),
        (FaultKind.LOST_FRAME, 0, [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6)]),
        (FaultKind.INCOMPLETE, 0, [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6)]),
        (FaultKind.UNDERRUN, 0, [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6)]),
        (FaultKind.LATE, 25_000_000, [(0, 1), (1, 2), (3, 4), (4, 5), (2, 3), (5, 6)]),
        (FaultKind.DUPLICATE, 0, [(0, 1), (1, 2), (2, 3), (2, 3), (3, 4), (4, 5), (5, 6)]),
        (FaultKind.DOUBLE_TRIGGER, 0, [(0, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 6), (5, 7)]),
    ],
)
def test_what_arrives_is_what_the_fault_leaves(
    harvester: Any, simulator: Simulator, kind: FaultKind, argument: int, expected: list[tuple[int, int]]
):
    seen = run(harvester, simulator, prepare=lambda: simulator.fault(0, kind, pulse=2, argument=argument))
    assert pairs(seen) == expected


def test_a_missed_trigger_shows_in_the_timestamps_only(harvester: Any, simulator: Simulator):
    seen = run(harvester, simulator, prepare=lambda: simulator.fault(0, FaultKind.MISSED_TRIGGER, pulse=2))
    steps = [b.timestamp_ns - a.timestamp_ns for a, b in pairwise(seen)]
    assert steps == [PERIOD_NS, 2 * PERIOD_NS, PERIOD_NS, PERIOD_NS]


def test_a_double_trigger_gives_two_times_close_together(harvester: Any, simulator: Simulator):
    seen = run(
        harvester,
        simulator,
        prepare=lambda: simulator.fault(0, FaultKind.DOUBLE_TRIGGER, pulse=2, argument=300_000),
    )
    assert seen[3].timestamp_ns - seen[2].timestamp_ns == 300_000


def test_an_incomplete_frame_is_told_to_who_listens(harvester: Any, simulator: Simulator):
    from harvesters.core import Callback

    class Listener(Callback):
        told = 0

        def emit(self, context: Any = None) -> None:
            self.told += 1

    listener = Listener()
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.add_callback(acquirer.Events.INCOMPLETE_BUFFER, listener)
        simulator.fault(0, FaultKind.INCOMPLETE, pulse=1, count=2)
        acquirer.start()
        pulse_train(simulator, 4)
        assert [frame.stamp.pulse for frame in frames(acquirer)] == [0, 3]
        acquirer.stop()
    assert listener.told == simulator.counters(0).incomplete == 2


def test_without_free_buffers_frames_are_counted_as_underrun(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001", buffers=3) as acquirer:
        acquirer.start()
        pulse_train(simulator, 6)
        assert acquirer.data_streams[0].module.num_underrun == 3
        assert pairs(frames(acquirer)) == [(0, 1), (1, 2), (2, 3)]
        assert_ledger(simulator)
        acquirer.stop()


@pytest.mark.parametrize(
    ("kind", "argument", "step"),
    [
        (FaultKind.CLOCK_JUMP, 7 * SECOND, 7 * SECOND + PERIOD_NS),
        (FaultKind.CLOCK_JUMP, -3 * SECOND, -3 * SECOND + PERIOD_NS),
        (FaultKind.CLOCK_DRIFT, 100_000, PERIOD_NS),
    ],
)
def test_a_clock_fault_begins_at_its_pulse_and_lasts(
    harvester: Any, simulator: Simulator, kind: FaultKind, argument: int, step: int
):
    seen = run(harvester, simulator, prepare=lambda: simulator.fault(0, kind, pulse=3, argument=argument))
    steps = [b.timestamp_ns - a.timestamp_ns for a, b in pairwise(seen)]
    after = PERIOD_NS + (PERIOD_NS * argument // 10**9 if kind is FaultKind.CLOCK_DRIFT else 0)
    assert steps == [PERIOD_NS, PERIOD_NS, step, after, after]


def test_a_reset_clock_counts_from_zero(harvester: Any, simulator: Simulator):
    seen = run(harvester, simulator, prepare=lambda: simulator.fault(0, FaultKind.CLOCK_RESET, pulse=3))
    assert [frame.timestamp_ns for frame in seen[3:]] == [0, PERIOD_NS, 2 * PERIOD_NS]
    assert [frame.frame_id for frame in seen] == [1, 2, 3, 4, 5, 6]


def test_sixteen_bit_ids_wrap_to_one(harvester: Any, simulator: Simulator):
    simulator.set("frame_id_bits", 16)
    simulator.set("first_frame_id", 65533)
    seen = run(harvester, simulator, prepare=lambda: None)
    assert [frame.frame_id for frame in seen] == [65533, 65534, 65535, 1, 2, 3]


@pytest.mark.parametrize(("keep", "expected"), [(0, [1, 2, 1, 2]), (1, [1, 2, 3, 4])])
def test_ids_begin_anew_with_each_start_unless_told(
    harvester: Any, simulator: Simulator, keep: int, expected: list[int]
):
    ids = []
    with camera(harvester, "SIM0004") as acquirer:
        acquirer.start()  # where the counter stands, another test decided
        acquirer.stop()
        simulator.set("keep_frame_id", keep)
        for _ in range(2):
            acquirer.start()
            pulse_train(simulator, 2, first_ns=simulator.now_ns() + PERIOD_NS)
            ids += [frame.frame_id for frame in frames(acquirer)]
            acquirer.stop()
    assert ids == expected


def test_without_the_strobe_the_picture_is_dark(harvester: Any, simulator: Simulator):
    seen = run(harvester, simulator, prepare=lambda: simulator.fault(0, FaultKind.DARK, pulse=2))
    assert seen[2].pixels[1:].max() <= 6
    assert seen[3].pixels[1:].max() > 60


def test_many_faults_at_once_keep_the_ledger(harvester: Any, simulator: Simulator):
    kinds = [kind for kind in FaultKind if kind is not FaultKind.DEVICE_LOST]
    with camera(harvester, "SIM0002", buffers=8) as acquirer:
        acquirer.start()
        for number, kind in enumerate(kinds * 6):
            simulator.fault(1, kind, pulse=number * 3, count=1 + number % 4, argument=number * 1_000_000)
        arrived = 0
        for number in range(240):
            simulator.pulse(START_NS + number * PERIOD_NS)
            assert_ledger(simulator)
            arrived += len(frames(acquirer))
        simulator.advance(simulator.now_ns() + SECOND)
        arrived += len(frames(acquirer))
        of = simulator.counters(1)
        assert of.in_flight == 0
        assert arrived == of.delivered - of.incomplete
        acquirer.stop()
