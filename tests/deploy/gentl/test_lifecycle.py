"""Starting, stopping, leaving, and configuring another process's rig."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.errors import ConfigurationError
from tests.deploy.gentl.rig import PERIOD_NS, START_NS, camera, create, frames, nodes_of, pulse_train

OPEN = """
import sys
from harvesters.core import Harvester
from mvmono3d.deploy.cameras.simulator import Simulator
from pathlib import Path
simulator = Simulator(Path(sys.argv[1]))
harvester = Harvester()
harvester.add_file(sys.argv[1])
harvester.update()
"""


def in_another_process(
    simulator: Simulator, code: str, *, configuration: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    if configuration:
        variables["MVMONO3D_RIG"] = str(configuration)
    command = [sys.executable, "-c", OPEN + code, str(simulator.path)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=100)


def test_twenty_starts_and_stops_lose_nothing(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as acquirer:
        for cycle in range(20):
            acquirer.start()
            pulse_train(simulator, 3, first_ns=START_NS + cycle * 10 * PERIOD_NS)
            seen = frames(acquirer)
            acquirer.stop()
            assert [frame.frame_id for frame in seen] == [1, 2, 3]
            assert [frame.stamp.pulse for frame in seen] == [3 * cycle, 3 * cycle + 1, 3 * cycle + 2]


def test_cameras_can_be_opened_and_given_up_again_and_again(harvester: Any, simulator: Simulator):
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for cycle in range(20):
        acquirers = [create(harvester, serial) for serial in simulator.serials]
        for acquirer in acquirers:
            acquirer.start()
        simulator.pulse(START_NS + cycle * PERIOD_NS)
        assert [frames(acquirer)[0].stamp.pulse for acquirer in acquirers] == [cycle] * 4
        for acquirer in acquirers:
            acquirer.destroy()
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


def test_a_process_may_leave_without_cleaning_up(simulator: Simulator):
    code = """
acquirer = harvester.create({"serial_number": "SIM0001"})
acquirer.start()
simulator.start_pulses(200.0)
with acquirer.fetch(timeout=5):
    pass
print("left")
"""
    done = in_another_process(simulator, code)
    assert (done.returncode, "left" in done.stdout) == (0, True), done.stderr


def test_a_file_configures_the_rig_of_another_process(simulator: Simulator, tmp_path: Path):
    path = tmp_path / "rig.conf"
    path.write_text(
        "# a rig of two old cameras\n"
        "cameras = 2\nserials = L, R\nwidth = 320\nheight = 200   # small\nold_names = 1\nptp = 0\n"
        "pulses_hz = 100\ncamera.1.temperature = 30\nfault = 0, lost_frame, 0, 1000000\n"
    )
    code = """
print(simulator.serials, [info.serial_number for info in harvester.device_info_list])
left, right = (harvester.create({"serial_number": serial}) for serial in "LR")
nodes = right.remote_device.node_map
print(nodes.DeviceID.value, nodes.Width.value, nodes.Height.value, nodes.DeviceTemperature.value)
names = "DeviceSerialNumber", "PtpEnable", "GevIEEE1588", "ExposureTimeAbs"
print([hasattr(nodes, name) for name in names])
for acquirer in (left, right):
    acquirer.remote_device.node_map.TriggerMode.value = "On"
    acquirer.remote_device.node_map.TriggerSource.value = "Line0"
    acquirer.start()
with right.fetch(timeout=5):
    print(left.try_fetch(timeout=0.1))
left.destroy()
right.destroy()
harvester.reset()
"""
    done = in_another_process(simulator, code, configuration=path)
    lines = [line for line in done.stdout.splitlines() if "GenTL producer" not in line]
    assert lines == [
        "('L', 'R') ['L', 'R']", "R 320 200 30.0", "[False, False, False, True]", "None",
    ], done.stderr  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("speed = 3", "rig.conf:1: no setting 'speed'"),
        ("width = wide", "width expects a number, got 'wide'"),
        ("width = 100", "width a multiple of 16"),
        ("cameras", "expected NAME = VALUE"),
        ("fault = 0, gone, 1", "no kind 'gone'"),
        ("fault = 9, late, 1", "no camera 9"),
        ("camera.0.colour = 1", "expected offset_ns"),
        ("frames = nowhere", "nowhere/SIM0001.raw: missing"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(
    simulator: Simulator, tmp_path: Path, line: str, message: str
):
    path = tmp_path / "rig.conf"
    path.write_text(line + "\n")
    done = in_another_process(simulator, "", configuration=path)
    assert done.returncode != 0
    assert "ConfigurationError" in done.stderr
    assert message in done.stderr


def test_control_says_what_it_cannot_do(simulator: Simulator):
    for attempt, message in (
        (lambda: simulator.set("colour", 1), "no setting 'colour'"),
        (lambda: simulator.set("width", 64), "read from the file only"),
        (lambda: simulator.temperature(4, 20), "no camera 4: there are 4"),
        (lambda: simulator.pulse(START_NS - 1), "cannot go back"),
        (lambda: simulator.advance(0), "forwards only"),
        (lambda: simulator.start_pulses(-1), "pulses per second"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            attempt()


def test_regular_pulses_follow_a_standing_clock(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        simulator.start_pulses(100.0, count=3)
        simulator.advance(START_NS + 10 * PERIOD_NS)
        assert [frame.stamp.pulse for frame in frames(acquirer)] == [0, 1, 2]
        simulator.start_pulses(100.0)
        simulator.advance(START_NS + 12 * PERIOD_NS)
        simulator.stop_pulses()
        simulator.advance(START_NS + 20 * PERIOD_NS)
        assert len(frames(acquirer)) == 2
        assert nodes_of(acquirer).TriggerMode.value == "On"
        acquirer.stop()
