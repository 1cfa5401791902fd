"""A camera that is unplugged fails alone, and comes back under its serial number."""

from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import FaultKind, Simulator
from tests.deploy.gentl.rig import PERIOD_NS, START_NS, camera, create, frames, nodes_of, pulse_train

NO_ACCESS, OPEN = 3, 5


def error() -> type[Exception]:
    from genicam.gentl import IoException

    return IoException


def give_up(acquirer: Any) -> None:
    """What a consumer does with a lost camera: the stop fails, and then it can be destroyed."""
    with pytest.raises(error()):
        acquirer.stop()
    acquirer.destroy()


def test_the_others_go_on_while_one_is_lost_and_back(harvester: Any, simulator: Simulator):
    acquirers = [create(harvester, serial) for serial in simulator.serials]
    for acquirer in acquirers:
        acquirer.start()
    simulator.fault(2, FaultKind.DEVICE_LOST, pulse=3, count=4)
    counts = [[], [], [], []]
    for number in range(10):
        simulator.pulse(START_NS + number * PERIOD_NS)
        for index in (0, 1, 3):
            counts[index] += [frame.stamp.pulse for frame in frames(acquirers[index])]
        if number < 3:
            counts[2] += [frame.stamp.pulse for frame in frames(acquirers[2])]
    assert counts == [list(range(10)), list(range(10)), [0, 1, 2], list(range(10))]
    # Plugged in again, but the old connection stays broken until it is given up.
    assert acquirers[2].device.module.access_status == NO_ACCESS
    with pytest.raises(error()):
        _ = nodes_of(acquirers[2]).DeviceTemperature.value
    give_up(acquirers[2])
    acquirers[2] = create(harvester, simulator.serials[2])
    acquirers[2].start()
    pulse_train(simulator, 2, first_ns=simulator.now_ns() + PERIOD_NS)
    assert [frame.stamp.pulse for frame in frames(acquirers[2])] == [10, 11]
    for acquirer in acquirers:
        acquirer.destroy()


def test_a_lost_camera_is_silent_and_cannot_be_opened(harvester: Any, simulator: Simulator):
    acquirer = create(harvester, "SIM0001")
    acquirer.start()
    assert acquirer.device.module.access_status == OPEN
    simulator.unplug(0)
    pulse_train(simulator, 2)
    assert acquirer.try_fetch(timeout=0.05) is None
    assert acquirer.device.module.access_status == NO_ACCESS
    give_up(acquirer)
    with pytest.raises(error()):
        harvester.create({"serial_number": "SIM0001"})
    simulator.plug_in(0)
    with camera(harvester, "SIM0001") as again:
        assert nodes_of(again).DeviceSerialNumber.value == "SIM0001"


def test_a_cable_keeps_the_settings_and_power_does_not(harvester: Any, simulator: Simulator):
    for power_lost, exposure in ((False, 4321.0), (True, 1000.0)):
        acquirer = create(harvester, "SIM0002", ExposureTime=4321.0)
        simulator.unplug(1, power_lost=power_lost)
        acquirer.destroy()
        simulator.advance(simulator.now_ns() + PERIOD_NS)
        simulator.plug_in(1)
        before = simulator.now_ns()
        simulator.advance(before + 5 * PERIOD_NS)
        again = harvester.create({"serial_number": "SIM0002"})
        assert nodes_of(again).ExposureTime.value == exposure
        assert nodes_of(again).TriggerMode.value == ("Off" if power_lost else "On")
        nodes_of(again).TimestampLatch.execute()
        counted = nodes_of(again).TimestampLatchValue.value
        assert (counted == 5 * PERIOD_NS) == power_lost
        again.destroy()


def test_frames_that_arrive_after_the_stop_are_discarded(harvester: Any, simulator: Simulator):
    simulator.fault(0, FaultKind.LATE, pulse=1, argument=30_000_000)
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        pulse_train(simulator, 2)
        assert len(frames(acquirer)) == 1
        acquirer.stop()
        acquirer.start()
        simulator.advance(START_NS + 20 * PERIOD_NS)
        assert frames(acquirer) == []
        assert simulator.counters(0).discarded == 1
        acquirer.stop()
