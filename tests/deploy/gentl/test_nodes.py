"""Cameras are found by their serial numbers, and their nodes keep what was written."""

from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import Simulator
from tests.deploy.gentl.rig import START_NS, camera, nodes_of


def test_cameras_are_found_by_serial_number(harvester: Any, simulator: Simulator):
    ours = [info.serial_number for info in harvester.device_info_list if info.vendor == "MVMono3D"]
    assert tuple(sorted(ours)) == simulator.serials == ("SIM0001", "SIM0002", "SIM0003", "SIM0004")
    for serial in simulator.serials:
        with camera(harvester, serial) as acquirer:
            assert nodes_of(acquirer).DeviceSerialNumber.value == serial


def test_an_unknown_serial_number_finds_nothing(harvester: Any, simulator: Simulator):
    with pytest.raises(ValueError, match="no device found"):
        harvester.create({"serial_number": "SIM9999"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ExposureTime", 1234.5), ("Gain", 6.25), ("BlackLevel", 3.0), ("TriggerDelay", 12.0),
        ("DeviceUserID", "left"), ("PixelFormat", "Mono12p"), ("OffsetX", 32), ("OffsetY", 6),
        ("AcquisitionMode", "MultiFrame"), ("AcquisitionFrameRate", 33.0), ("TriggerSource", "Software"),
        ("TriggerActivation", "FallingEdge"), ("TriggerOverlap", "ReadOut"), ("ChunkModeActive", True),
    ],
)  # fmt: skip
def test_a_node_reads_what_was_written(harvester: Any, simulator: Simulator, name: str, value: Any):
    with camera(harvester, "SIM0002") as acquirer:
        node = getattr(nodes_of(acquirer), name)
        before = node.value
        node.value = value
        assert node.value == value
        node.value = before


def test_the_image_region_stays_inside_the_sensor(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as acquirer:
        nodes = nodes_of(acquirer)
        assert (nodes.SensorWidth.value, nodes.SensorHeight.value) == (1280, 800)
        assert (nodes.OffsetX.max, nodes.OffsetY.max) == (1280 - 64, 800 - 8)
        nodes.OffsetX.value = 1216
        assert nodes.Width.max == 64
        with pytest.raises(Exception, match=r"(?i)max|range"):
            nodes.Width.value = 80
        nodes.OffsetX.value = 0


def test_what_shapes_a_frame_is_locked_while_images_stream(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as acquirer:
        acquirer.start()
        for name, value in {"Width": 128, "PixelFormat": "Mono10", "ChunkModeActive": True}.items():
            with pytest.raises(Exception, match="not writable"):
                getattr(nodes_of(acquirer), name).value = value
        nodes_of(acquirer).ExposureTime.value = 500.0
        acquirer.stop()
        nodes_of(acquirer).Width.value = 128


def test_each_line_has_its_own_settings(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001") as acquirer:
        nodes = nodes_of(acquirer)
        nodes.LineSelector.value = "Line1"
        assert nodes.LineMode.value == "Output"
        nodes.LineSource.value = "ExposureActive"
        nodes.LineSelector.value = "Line0"
        assert (nodes.LineMode.value, nodes.LineSource.value) == ("Input", "Off")


def test_the_strobe_line_is_high_during_the_exposure(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0001", ExposureTime=2000.0, LineSelector="Line1") as acquirer:
        nodes = nodes_of(acquirer)
        nodes.LineSource.value = "ExposureActive"
        acquirer.start()
        simulator.pulse(START_NS)
        assert nodes.LineStatusAll.value == 0b010
        simulator.advance(START_NS + 2_000_000)
        assert nodes.LineStatusAll.value == 0
        assert simulator.counters(0).strobes == 1
        acquirer.stop()


def test_temperature_is_that_of_the_camera(harvester: Any, simulator: Simulator):
    with camera(harvester, "SIM0003") as acquirer:
        simulator.temperature(2, 57.25)
        assert nodes_of(acquirer).DeviceTemperature.value == 57.25
