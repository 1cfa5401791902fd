"""What another backend delivers, a GenTL consumer sees through the simulated cameras."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mvmono3d.deploy.cameras.gentl_screen import GentlScreen
from mvmono3d.deploy.cameras.protocol import Delivery
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.cameras.stamp import PIXELS
from mvmono3d.deploy.sync.records import FrameStatus
from mvmono3d.errors import InvalidRecordError
from tests.deploy.gentl.rig import START_NS, camera, frames

HEIGHT, WIDTH = 800, 1280


def delivery_of(image: np.ndarray, number: int) -> Delivery:
    return Delivery(
        camera=number,
        frame_id=0,
        device_ns=0,
        host_ns=0,
        status=FrameStatus.COMPLETE,
        height=image.shape[0],
        width=image.shape[1],
        bits=8,
        lighting=None,
        copy_to=lambda target: np.copyto(target, image),
    )


def test_frames_pass_unchanged_camera_by_camera(harvester: Any, simulator: Simulator):
    images = np.random.default_rng(4).integers(0, 256, (2, HEIGHT, WIDTH), dtype=np.uint8)
    region = {"Width": WIDTH, "Height": HEIGHT}
    with (
        GentlScreen(simulator, shape=(HEIGHT, WIDTH)) as screen,
        camera(harvester, "SIM0001", **region) as first,
        camera(harvester, "SIM0002", **region) as second,
    ):
        for number, image in enumerate(images):
            screen(delivery_of(image, number))
        # More cameras than the simulated rig has are not an error.
        screen(delivery_of(images[0], 99))
        for acquirer in (first, second):
            acquirer.start()
        simulator.pulse(START_NS)
        for acquirer, image in zip((first, second), images, strict=True):
            seen = frames(acquirer)[0].pixels
            np.testing.assert_array_equal(seen.ravel()[PIXELS:], image.ravel()[PIXELS:])
            acquirer.stop()
    assert not list(Path("/dev/shm").glob("mvmono3d-screen-*"))


def test_frames_of_another_size_are_refused(simulator: Simulator):
    with (
        GentlScreen(simulator, shape=(HEIGHT, WIDTH)) as screen,
        pytest.raises((InvalidRecordError, ValueError)),
    ):
        screen(delivery_of(np.zeros((4, 6), np.uint8), 0))
