"""The virtual rig behind the protocol of cameras: what its frames show, and what happens when it dies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig_file import write_rig
from mvmono3d.deploy.cameras.protocol import CameraBackend
from mvmono3d.deploy.cameras.records import CameraSettings, Trigger
from mvmono3d.deploy.cameras.sources import VirtualSource, backend_of
from mvmono3d.deploy.cameras.virtual import VirtualBackend
from mvmono3d.deploy.cameras.virtual_orders import take_index
from mvmono3d.deploy.cameras.virtual_truth import read_virtual_truth
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.errors import CameraError
from tests.synthetic.render.scenes import ring_rig

WIDTH, HEIGHT, VIEWS = 160, 100, 2
LIGHT = Lighting(exposure_ns=1_000_000)
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("virtual")
    write_rig(folder / "rig.toml", ring_rig(views=VIEWS))
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield VirtualSource(serials=("A", "B"), rig=str(folder / "rig.toml"), seed=3, seconds=0.4)
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


class Frames:
    """Collects what a backend delivers."""

    def __init__(self, backend: CameraBackend) -> None:
        self.backend, self.found = backend, []

    def __call__(self, delivery) -> None:
        image = np.zeros((delivery.height, delivery.width), np.uint8 if delivery.bits == 8 else np.uint16)
        delivery.copy_to(image)
        self.found.append((delivery, image))

    def until(self, count: int) -> list:
        end = time.monotonic() + PATIENCE_S
        while len(self.found) < count and time.monotonic() < end:
            if not self.backend.poll(self):
                time.sleep(0.002)
        assert len(self.found) >= count
        return self.found


@pytest.fixture
def started(source, request):
    changes = getattr(request, "param", {})
    backend = backend_of(msgspec.structs.replace(source, live=changes.pop("live", False)))
    backend.open()
    asked = {"width": WIDTH, "height": HEIGHT, "rate_hz": 20.0, "trigger": Trigger.SOFTWARE, **changes}
    backend.configure(CameraSettings(lighting=LIGHT, **asked))
    backend.start()
    yield backend
    backend.close()


def triggered(backend: CameraBackend, count: int) -> list:
    frames = Frames(backend)
    for pulse in range(count):
        backend.trigger()
        frames.until(VIEWS * (pulse + 1))
    return frames.found


def signal(image: np.ndarray) -> float:
    """What lies above the black level."""
    return float((image.astype(float) - 4.0).sum())


def test_it_is_a_backend_and_tells_what_it_is(source):
    backend = backend_of(source)
    assert isinstance(backend, CameraBackend)
    rig = backend.open()
    assert [camera.serial for camera in rig.cameras] == ["A", "B"]
    assert {(camera.sensor_width, camera.sensor_height) for camera in rig.cameras} == {(WIDTH, HEIGHT)}
    assert not backend.ended
    backend.close()


def test_each_trigger_gives_one_frame_of_every_camera(started):
    found = triggered(started, 4)
    assert [(each.camera, each.frame_id) for each, _ in found] == [
        (camera, pulse) for pulse in range(4) for camera in range(VIEWS)
    ]
    assert len({each.device_ns for each, _ in found[:VIEWS]}) == 1
    assert all(each.device_ns + LIGHT.exposure_ns <= each.host_ns for each, _ in found)
    assert all(each.lighting == LIGHT for each, _ in found)


@pytest.mark.parametrize("started", [{"trigger": Trigger.LINE}], indirect=True)
def test_its_own_trigger_keeps_the_rate(started):
    found = Frames(started).until(8 * VIEWS)
    times = np.array([each.device_ns for each, _ in found[::VIEWS]])
    steps = np.diff(times) / 5e7
    # A pulse that finds the rig busy is missed; none comes between two.
    np.testing.assert_allclose(steps, np.maximum(np.rint(steps), 1.0), atol=1e-6)


def test_the_hand_is_where_the_truth_says(started, source):
    truth = read_virtual_truth(source, rate_hz=20.0, exposure_ns=LIGHT.exposure_ns)
    contrast = []
    for each, image in triggered(started, 6):
        frame = truth.frame(each.frame_id)
        seen = truth.state[frame, each.camera] == OcclusionState.VISIBLE
        u, v = np.rint(truth.pixels[frame, each.camera][seen]).astype(int).T
        contrast.append(np.median(image[v, u]) / np.median(image))
    # Skin before a dark room.
    assert min(contrast) > 3.0


def test_a_take_goes_forth_and_back():
    assert [take_index(frame, 4) for frame in range(9)] == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert take_index(5, 1) == 0


def test_light_can_be_changed_while_it_runs(started):
    before = signal(triggered(started, 1)[0][1])
    brighter = Lighting(exposure_ns=1_000_000, gain=2.0)
    started.adjust(brighter)
    found = triggered(started, 3)
    assert found[-1][0].lighting == brighter
    # Frame by frame the hand moves a little, and some of it clips.
    assert signal(found[-VIEWS][1]) == pytest.approx(2.0 * before, rel=0.2)
    started.adjust(Lighting(exposure_ns=1_000_000, strobe=0.0))
    assert triggered(started, 3)[-1][1].max() < 40


@pytest.mark.parametrize(
    "started", [{"pixel_format": "Mono12", "left": 40, "top": 20, "width": 80, "height": 60}], indirect=True
)
def test_a_region_and_more_bits(started):
    delivery, image = triggered(started, 1)[0]
    assert (delivery.bits, image.shape) == (12, (60, 80))
    assert 255 < image.max() <= 4095


def test_a_region_beyond_the_sensor_is_reported(source):
    backend = backend_of(source)
    backend.open()
    applied = backend.configure(CameraSettings(width=1000, height=HEIGHT))[0]
    assert [(each.setting, each.asked, each.got) for each in applied.differences] == [
        ("width", "1000", "160")
    ]
    backend.close()


@pytest.mark.parametrize("started", [{"live": True}], indirect=True)
def test_it_can_render_live(started):
    found = triggered(started, 2)
    assert found[-1][1].max() > 50


def test_a_killed_renderer_is_noticed_and_comes_back(started):
    triggered(started, 1)
    process = started._process
    process._process.kill()
    process._process.wait()
    assert not started.health(0).connected
    assert "ended" in started.health(0).message
    assert started.poll(lambda delivery: None) >= 0
    end = time.monotonic() + PATIENCE_S
    while not started.reconnect(0) and time.monotonic() < end:
        time.sleep(0.01)
    assert started.health(1).connected
    assert len(triggered(started, 1)) == VIEWS


def test_nothing_is_left_behind(source):
    backend = backend_of(source)
    backend.open()
    backend.configure(CameraSettings(width=WIDTH, height=HEIGHT, rate_hz=20.0, lighting=LIGHT))
    backend.start()
    assert isinstance(backend, VirtualBackend)
    assert backend._process is not None
    pid = backend._process.pid
    backend.stop()
    backend.close()
    assert not list(Path("/dev/shm").glob(f"mvmono3d-virtual-{os.getpid()}-*"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_another_number_of_cameras_is_refused(source):
    with pytest.raises(CameraError, match="3 cameras are asked for"):
        backend_of(msgspec.structs.replace(source, serials=("A", "B", "C"))).open()


def test_a_rig_that_sees_nothing_says_so(source, tmp_path):
    write_rig(tmp_path / "far.toml", ring_rig(views=VIEWS, distance=0.7, focal=5000.0))
    backend = backend_of(msgspec.structs.replace(source, rig=str(tmp_path / "far.toml"), scene="body"))
    backend.open()
    backend.configure(CameraSettings(width=WIDTH, height=HEIGHT, rate_hz=20.0))
    with pytest.raises(CameraError, match="seen by no camera"):
        backend.start()
    backend.close()


def test_who_captures_never_imports_the_renderer():
    code = (
        "import sys; from mvmono3d.deploy.cameras.sources import VirtualSource, backend_of; "
        "backend_of(VirtualSource()).open(); import mvmono3d.deploy.cameras.virtual_truth; "
        "bad = [name for name in sys.modules if name.split('.')[0] in ('torch', 'open3d', 'numba') "
        "or name.startswith('mvmono3d.synthetic.render.')]; sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
