"""What a source shows is what the consumer gets, bit for bit, in each pixel format and image region."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mvmono3d.deploy.cameras.frame_ring import FrameRing
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.cameras.stamp import PIXELS
from mvmono3d.errors import ConfigurationError, InvalidRecordError
from tests.deploy.gentl.rig import BITS, START_NS, camera, frames, nodes_of

REGION = {"Width": 96, "Height": 20, "OffsetX": 48, "OffsetY": 6}
SENSOR = (800, 1280)
IMAGES = np.random.default_rng(3).integers(0, 4096, (3, *SENSOR), np.uint16)


def shown(image: np.ndarray, *, bits: int) -> np.ndarray:
    """A 12-bit image inside REGION, at the format's depth."""
    rows, columns = slice(6, 26), slice(48, 144)
    return image[rows, columns] >> (12 - bits)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    (tmp_path / "deep.raw").write_bytes(IMAGES.tobytes())
    return tmp_path / "deep.raw"


@pytest.mark.parametrize("pixel_format", BITS)
def test_twelve_bits_arrive_exactly(harvester: Any, simulator: Simulator, deep: Path, pixel_format: str):
    simulator.set("stamp", 0)
    simulator.source(0, deep, bytes_per_sample=2)
    with camera(harvester, "SIM0001", PixelFormat=pixel_format, **REGION) as acquirer:
        acquirer.start()
        for number in (0, 1, 2, 0):
            simulator.pulse()
            with acquirer.fetch(timeout=1) as buffer:
                data = buffer.payload.components[0].data.reshape(20, 96)
                np.testing.assert_array_equal(data, shown(IMAGES[number], bits=BITS[pixel_format]))
            simulator.advance(simulator.now_ns() + 10_000_000)
        acquirer.stop()
        nodes_of(acquirer).PixelFormat.value = "Mono8"


@pytest.mark.parametrize("pixel_format", BITS)
def test_eight_bits_arrive_exactly(harvester: Any, simulator: Simulator, tmp_path: Path, pixel_format: str):
    eight = (IMAGES[0] >> 4).astype(np.uint8)
    path = tmp_path / "eight.raw"
    path.write_bytes(eight.tobytes())
    simulator.set("stamp", 0)
    simulator.source(0, path)
    with camera(harvester, "SIM0001", PixelFormat=pixel_format, **REGION) as acquirer:
        acquirer.start()
        simulator.pulse()
        with acquirer.fetch(timeout=1) as buffer:
            data = buffer.payload.components[0].data.reshape(20, 96)
            np.testing.assert_array_equal(data, shown(eight.astype(np.uint16) << 4, bits=BITS[pixel_format]))
        acquirer.stop()


def test_packed_pixels_lie_as_the_standard_says(harvester: Any, simulator: Simulator, deep: Path):
    simulator.set("stamp", 0)
    simulator.source(0, deep, bytes_per_sample=2)
    with camera(harvester, "SIM0001", PixelFormat="Mono12p", **REGION) as acquirer:
        assert nodes_of(acquirer).PayloadSize.value == 20 * 96 * 3 // 2
        acquirer.start()
        simulator.pulse()
        buffer = acquirer.fetch(timeout=1, is_raw=True)
        raw = np.frombuffer(buffer.raw_buffer, np.uint8).copy()
        buffer.parent.queue_buffer(buffer)
        acquirer.stop()
    # PFNC: pixels follow each other from the lowest bit upwards.
    bits = np.unpackbits(raw, bitorder="little").reshape(-1, 12).astype(np.uint16)
    values = (bits << np.arange(12, dtype=np.uint16)).sum(axis=1, dtype=np.uint16)
    np.testing.assert_array_equal(values.reshape(20, 96), shown(IMAGES[0], bits=12))


@pytest.mark.parametrize("pixel_format", BITS)
def test_the_truth_stands_in_the_first_pixels_of_every_format(
    harvester: Any, simulator: Simulator, pixel_format: str
):
    bits = BITS[pixel_format]
    with camera(harvester, "SIM0004", PixelFormat=pixel_format) as acquirer:
        acquirer.start()
        for number in range(3):
            simulator.pulse(START_NS + number * 10_000_000)
        seen = frames(acquirer, bits=bits)
        acquirer.stop()
    assert [frame.stamp.pulse for frame in seen] == [0, 1, 2]
    assert all(frame.stamp.frame_id == frame.frame_id for frame in seen)
    assert all(frame.stamp.timestamp == frame.timestamp_ns for frame in seen)
    assert all(frame.pixels.max() < 2**bits for frame in seen)
    ramp = (np.arange(64)[None, :] + np.arange(8)[:, None] + 40 * 3) % 256 << (bits - 8)
    np.testing.assert_array_equal(seen[0].pixels.ravel()[PIXELS:], ramp.ravel()[PIXELS:])


@pytest.mark.parametrize("bits", [8, 12])
def test_a_ring_shows_its_newest_frame(harvester: Any, simulator: Simulator, tmp_path: Path, bits: int):
    simulator.set("stamp", 0)
    dtype = np.uint8 if bits == 8 else np.uint16
    pixel_format = "Mono8" if bits == 8 else "Mono12"
    with (
        FrameRing(tmp_path / "live.ring", SENSOR, bits=bits) as ring,
        camera(harvester, "SIM0001", PixelFormat=pixel_format, **REGION) as acquirer,
    ):
        simulator.source(0, ring.path)
        acquirer.start()
        for number in range(12):
            image = (IMAGES[number % 3] >> (12 - bits)).astype(dtype)
            ring.show(np.roll(image, number, axis=1))
            simulator.pulse(START_NS + number * 10_000_000)
            with acquirer.fetch(timeout=1) as buffer:
                data = buffer.payload.components[0].data.reshape(20, 96)
                np.testing.assert_array_equal(data, np.roll(image, number, axis=1)[6:26, 48:144])
        acquirer.stop()
        with pytest.raises(InvalidRecordError, match="expected an image of"):
            ring.show(np.zeros((4, 4), dtype))


@pytest.mark.parametrize(("content", "message"), [(b"", "empty"), (b"x" * 1000, "whole number of frames")])
def test_a_bad_source_is_refused(simulator: Simulator, tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "bad.raw"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        simulator.source(0, path)


def test_brightness_follows_exposure_gain_and_strobe(harvester: Any, simulator: Simulator, tmp_path: Path):
    simulator.set("light", 1)
    path = tmp_path / "grey.raw"
    path.write_bytes(np.full(SENSOR, 40, np.uint8).tobytes())
    simulator.source(0, path)
    levels = {}
    with camera(harvester, "SIM0001", LineSelector="Line1") as acquirer:
        nodes = nodes_of(acquirer)
        acquirer.start()
        for name, exposure, gain, source in (
            ("reference", 1000.0, 0.0, "ExposureActive"), ("longer", 2000.0, 0.0, "ExposureActive"),
            ("gained", 1000.0, 6.0206, "ExposureActive"), ("dark", 1000.0, 0.0, "Off"),
            ("saturated", 20000.0, 0.0, "ExposureActive"),
        ):  # fmt: skip
            nodes.ExposureTime.value, nodes.Gain.value, nodes.LineSource.value = exposure, gain, source
            simulator.pulse()
            levels[name] = int(frames(acquirer)[0].pixels[-1, -1])
            simulator.advance(simulator.now_ns() + 100_000_000)
        acquirer.stop()
    assert levels == {"reference": 40, "longer": 80, "gained": 80, "dark": 0, "saturated": 255}
