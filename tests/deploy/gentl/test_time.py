"""Timestamps say when the exposure began, by the camera's own clock."""

from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import Simulator
from tests.deploy.gentl.rig import PERIOD_NS, START_NS, camera, frames, nodes_of, pulse_train

CHUNKS = {"ChunkModeActive": True}


def test_timestamps_are_exact_integers(harvester: Any, simulator: Simulator):
    # Above 2^53 a float would round them.
    simulator.clock(0, reads_ns=1_800_000_000_123_456_789)
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        pulse_train(simulator, 3)
        times = [frame.timestamp_ns for frame in frames(acquirer)]
        acquirer.stop()
    assert times == [1_800_000_000_123_456_789 + number * PERIOD_NS for number in range(3)]


def test_chunks_say_what_the_buffer_says(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0002", ExposureTime=777.0, Gain=3.5, **CHUNKS) as acquirer:
        nodes = nodes_of(acquirer)
        assert nodes.PayloadSize.value == 64 * 8 + 4 * 8
        acquirer.start()
        for _ in range(3):
            simulator.pulse(simulator.now_ns() + PERIOD_NS)
            with acquirer.fetch(timeout=1) as buffer:
                assert nodes.ChunkTimestamp.value == buffer.timestamp_ns
                assert nodes.ChunkFrameID.value == buffer.frame_id
                assert (nodes.ChunkExposureTime.value, nodes.ChunkGain.value) == (777.0, 3.5)
        acquirer.stop()
        nodes.ChunkSelector.value = "Gain"
        nodes.ChunkEnable.value = False
        assert nodes.PayloadSize.value == 64 * 8 + 3 * 8
        nodes.ChunkEnable.value = True
        nodes.ChunkModeActive.value = False


def test_the_latch_reads_the_clock_that_stamps_frames(harvester: Any, simulator: Simulator):
    simulator.clock(0, reads_ns=5_000_000_000)
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        simulator.pulse(START_NS + PERIOD_NS)
        nodes_of(acquirer).TimestampLatch.execute()
        simulator.advance(START_NS + 2 * PERIOD_NS)
        assert nodes_of(acquirer).TimestampLatchValue.value == frames(acquirer)[0].timestamp_ns
        nodes_of(acquirer).TimestampLatch.execute()
        assert nodes_of(acquirer).TimestampLatchValue.value == 5_000_000_000 + 2 * PERIOD_NS
        acquirer.stop()


def test_a_fast_clock_gains_what_its_drift_says(harvester: Any, simulator: Simulator):
    simulator.clock(0, reads_ns=0, drift_ppm=40)
    with camera(harvester, "SIM0001") as acquirer:
        simulator.advance(START_NS + 100_000_000_000)
        nodes_of(acquirer).TimestampLatch.execute()
        assert nodes_of(acquirer).TimestampLatchValue.value == 100_000_000_000 + 4_000_000


def test_ptp_listens_then_follows_the_rig(harvester: Any, simulator: Simulator):
    simulator.set("ptp_jitter_ns", 0)
    with camera(harvester, "SIM0001") as one, camera(harvester, "SIM0002") as two:
        states = []
        for acquirer in (one, two):
            nodes_of(acquirer).PtpEnable.value = True
        for at_ms in (0, 99, 100, 199, 200):
            simulator.advance(START_NS + at_ms * 1_000_000)
            states.append(nodes_of(one).PtpStatus.value)
        assert states == ["Listening", "Listening", "Uncalibrated", "Uncalibrated", "Slave"]
        one.start()
        two.start()
        simulator.pulse(START_NS + 300_000_000)
        assert frames(one)[0].timestamp_ns == frames(two)[0].timestamp_ns == START_NS + 300_000_000
        nodes_of(one).PtpDataSetLatch.execute()
        assert nodes_of(one).PtpOffsetFromMaster.value == 0
        one.stop()
        two.stop()
        for acquirer in (one, two):
            nodes_of(acquirer).PtpEnable.value = False
        assert nodes_of(one).PtpStatus.value == "Disabled"


def test_ptp_times_tremble_by_what_the_camera_reports(harvester: Any, simulator: Simulator):
    simulator.set("ptp_jitter_ns", 500)
    with camera(harvester, "SIM0001", PtpEnable=True) as acquirer:
        offsets = []
        acquirer.start()
        for number in range(100):
            at_ns = START_NS + 10**9 + number * PERIOD_NS
            simulator.pulse(at_ns)
            offsets.append(frames(acquirer)[0].timestamp_ns - at_ns)
        acquirer.stop()
        nodes_of(acquirer).PtpDataSetLatch.execute()
        assert abs(nodes_of(acquirer).PtpOffsetFromMaster.value) < 5000
        nodes_of(acquirer).PtpEnable.value = False
    assert 300 < (sum(offset**2 for offset in offsets) / 100) ** 0.5 < 700


def test_a_camera_that_counts_ticks_gives_no_nanoseconds(harvester: Any, simulator: Simulator):
    simulator.set("tick_hz", 125e6)
    simulator.clock(0, reads_ns=8_000_000_000)
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        simulator.pulse(START_NS)
        with acquirer.fetch(timeout=1) as buffer:
            assert (buffer.timestamp, buffer.timestamp_frequency) == (1_000_000_000, 125_000_000)
            with pytest.raises(Exception, match=r"(?i)available"):
                _ = buffer.module.timestamp_ns
        acquirer.stop()
