"""A frame for each edge that the camera waits for, and for no other."""

import time
from itertools import pairwise
from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import Simulator
from tests.deploy.gentl.rig import PERIOD_NS, START_NS, camera, frames, nodes_of, pulse_train


def test_the_trigger_line_reaches_all_waiting_cameras(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as first, camera(harvester, "SIM0004") as last:
        first.start()
        last.start()
        pulse_train(simulator, 3)
        simulator.pulse(START_NS + 3 * PERIOD_NS, cameras=[3])
        assert [frame.stamp.pulse for frame in frames(first)] == [0, 1, 2]
        assert [frame.stamp.pulse for frame in frames(last)] == [0, 1, 2, 3]
        first.stop()
        last.stop()


def test_a_software_trigger_reaches_its_camera_alone(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001", TriggerSource="Software") as own, camera(harvester, "SIM0002") as other:
        own.start()
        other.start()
        nodes_of(own).TriggerSoftware.execute()
        simulator.pulse(START_NS + PERIOD_NS)
        assert [frame.stamp.pulse for frame in frames(own)] == [0]
        assert [frame.stamp.pulse for frame in frames(other)] == [1]
        own.stop()
        other.stop()


def test_without_a_trigger_the_camera_runs_at_its_frame_rate(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001", TriggerMode="Off", AcquisitionFrameRate=100.0) as acquirer:
        acquirer.start()
        simulator.advance(START_NS + 4 * PERIOD_NS)
        seen = frames(acquirer)
        acquirer.stop()
        simulator.advance(START_NS + 9 * PERIOD_NS)
    assert [frame.stamp.pulse for frame in seen] == [0, 1, 2, 3, 4]
    assert {b.timestamp_ns - a.timestamp_ns for a, b in pairwise(seen)} == {PERIOD_NS}


@pytest.mark.parametrize(("mode", "expected"), [("SingleFrame", 1), ("MultiFrame", 3), ("Continuous", 6)])
def test_the_acquisition_mode_limits_the_frames(
    harvester: Any, simulator: Simulator, mode: str, expected: int
):
    nodes = {"AcquisitionMode": mode, "AcquisitionFrameCount": 3}
    with camera(harvester, "SIM0001", **nodes) as acquirer:
        acquirer.start()
        pulse_train(simulator, 6)
        assert len(frames(acquirer)) == expected
        acquirer.stop()
        nodes_of(acquirer).AcquisitionMode.value = "Continuous"


def test_an_edge_during_the_exposure_is_refused(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001", ExposureTime=5000.0) as acquirer:
        acquirer.start()
        for at_ms in (0, 4, 5, 9, 12):
            simulator.pulse(START_NS + at_ms * 1_000_000)
        assert [frame.stamp.pulse for frame in frames(acquirer)] == [0, 2, 4]
        assert simulator.counters(0).refused == 2
        acquirer.stop()


def test_an_edge_during_the_readout_is_refused_unless_they_may_overlap(harvester: Any, simulator: Simulator):
    simulator.set("readout_us", 8000)
    with camera(harvester, "SIM0001", ExposureTime=1000.0) as acquirer:
        acquirer.start()
        simulator.pulse(START_NS)
        simulator.pulse(START_NS + 8_000_000)
        nodes_of(acquirer).TriggerOverlap.value = "ReadOut"
        simulator.pulse(START_NS + 20_000_000)
        simulator.pulse(START_NS + 28_000_000)
        assert [frame.stamp.pulse for frame in frames(acquirer)] == [0, 2, 3]
        acquirer.stop()


def test_the_trigger_delay_moves_the_exposure(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        simulator.pulse(START_NS)
        nodes_of(acquirer).TriggerDelay.value = 250.0
        simulator.pulse(START_NS + PERIOD_NS)
        first, second = frames(acquirer)
        assert second.timestamp_ns - first.timestamp_ns == PERIOD_NS + 250_000
        acquirer.stop()


def test_in_real_time_frames_come_at_the_rate_of_the_pulses(harvester: Any, simulator: Simulator):
    simulator.set("realtime", 1)
    with camera(harvester, "SIM0001", ExposureTime=100.0, buffers=40) as acquirer:
        acquirer.start()
        assert abs(simulator.now_ns() - time.time_ns()) < 50_000_000
        simulator.start_pulses(200.0, count=30)
        seen = frames(acquirer, wait_s=0.5)
        acquirer.stop()
    assert [frame.stamp.pulse for frame in seen] == list(range(30))
    assert {b.timestamp_ns - a.timestamp_ns for a, b in pairwise(seen)} == {5_000_000}
    assert simulator.counters(0).in_flight == 0


def test_a_slow_link_delays_frames_and_a_shared_one_delays_them_in_turn(harvester: Any, simulator: Simulator):
    simulator.set("realtime", 1)
    simulator.set("link_mb_s", 0.05)  # 512 bytes take 10.24 ms
    simulator.set("shared_link", 1)
    with camera(harvester, "SIM0001", ExposureTime=10.0) as one, camera(harvester, "SIM0002") as two:
        one.start()
        two.start()
        simulator.pulse()
        first, second = frames(one, wait_s=0.3)[0], frames(two, wait_s=0.3)[0]
        one.stop()
        two.stop()
    assert second.stamp.delivered_ns - first.stamp.delivered_ns > 5_000_000
