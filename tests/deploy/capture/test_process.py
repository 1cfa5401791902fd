"""The capture process as its starter sees it: it starts, tells how it is, loses nothing, and ends well."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("harvesters", reason="the extra `rig` is not installed")

from mvmono3d.deploy.cameras.records import CameraSettings, ClockKind
from mvmono3d.deploy.cameras.sources import HarvestersSource
from mvmono3d.deploy.capture.board import read_health
from mvmono3d.deploy.capture.handle import CaptureHandle, start_capture
from mvmono3d.deploy.capture.health import CaptureState
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.ring.memory import path_of
from mvmono3d.deploy.ring.reader import RingReader, RingSet
from mvmono3d.errors import CameraError
from tests.deploy.capture.bench import pulses_of
from tests.deploy.producers import RIG

SLOW_HZ = 20.0


@pytest.fixture
def settings(rig_library: object) -> CaptureSettings:
    """A small, slow rig, so that a busy machine keeps up."""
    del rig_library
    return CaptureSettings(
        source=HarvestersSource(serials=RIG, producers=("simulated",)),
        cameras=CameraSettings(width=64, height=8, rate_hz=SLOW_HZ, buffers=32),
        ring=f"test-{uuid.uuid4().hex}",
    )


@pytest.fixture
def rig_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes the simulated rig's configuration for the processes that are started next."""

    def write(*lines: str) -> None:
        path = tmp_path / "rig.conf"
        path.write_text("\n".join((f"pulses_hz = {SLOW_HZ}", *lines)) + "\n")
        monkeypatch.setenv("MVMONO3D_RIG", str(path))

    write()
    return write


def read_sets(reader: RingReader, count: int, *, timeout_s: float = 60.0) -> list[RingSet]:
    sets, end_s = [], time.monotonic() + timeout_s
    while len(sets) < count:
        found = reader.next()
        if found is not None:
            sets.append(found)
            continue
        assert time.monotonic() < end_s, f"{len(sets)} of {count} sets came in {timeout_s} s"
        time.sleep(0.002)
    return sets


def nothing_left(ring: str) -> bool:
    return not path_of(ring).exists() and not path_of(ring + ".health").exists()


def test_cameras_that_are_not_ready_in_time_are_told_so(settings: CaptureSettings):
    with pytest.raises(CameraError, match=r"not armed within 0\.01 s"):
        start_capture(settings, timeout_s=0.01)
    assert not path_of(settings.ring).exists()


def test_sets_reach_another_process_and_every_frame_is_accounted_for(
    settings: CaptureSettings, rig_file: Callable[..., None]
):
    with start_capture(settings) as capture, RingReader(capture.ring) as reader:
        sets = read_sets(reader, 20)
        assert all(len(set(pulses_of(each))) == 1 for each in sets if each.present.any())
        health = capture.health()
        assert health == read_health(capture.ring) or health.state is CaptureState.RUNNING
        assert health.accounts is not None
        assert health.accounts.balanced
        assert [view.serial for view in health.views] == list(RIG)
        last = capture.stop()
        assert reader.closed
    assert last.state is CaptureState.ENDED
    assert last.accounts is not None
    assert last.accounts.balanced
    assert all(account.in_hand == 0 for account in last.accounts.cameras)
    assert nothing_left(settings.ring)


def test_a_camera_that_is_not_there_is_named_by_the_starter(
    settings: CaptureSettings, rig_file: Callable[..., None]
):
    source = HarvestersSource(serials=("SIM0001", "SIM0077"), producers=("simulated",))
    with pytest.raises(CameraError, match="SIM0077"):
        start_capture(msgspec.structs.replace(settings, source=source))
    assert nothing_left(settings.ring)


def test_a_ring_that_is_written_already_is_not_taken(
    settings: CaptureSettings, rig_file: Callable[..., None]
):
    with start_capture(settings) as capture:
        with pytest.raises(CameraError, match="has a writer already"):
            start_capture(settings)
        assert capture.alive
        assert capture.health().state is CaptureState.RUNNING


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_told_to_and_not_by_ctrl_c(
    settings: CaptureSettings, rig_file: Callable[..., None], number: signal.Signals
):
    with start_capture(settings) as capture:
        os.kill(capture.pid, number)
        end_s = time.monotonic() + (20 if number is signal.SIGTERM else 0.5)
        while capture.alive and time.monotonic() < end_s:
            time.sleep(0.01)
        assert capture.alive == (number is signal.SIGINT)
        if number is signal.SIGTERM:
            assert capture.health().state is CaptureState.ENDED
    assert nothing_left(settings.ring)


def test_a_killed_process_is_noticed_and_replaced(settings: CaptureSettings, rig_file: Callable[..., None]):
    with start_capture(settings) as capture, RingReader(capture.ring) as reader:
        read_sets(reader, 3)
        os.kill(capture.pid, signal.SIGKILL)
        while capture.alive:
            time.sleep(0.01)
        assert not reader.writer_lives
        assert capture.health().state is CaptureState.FAILED
        assert "-9" in capture.health().message
        # The same ring goes on under a new writer; its readers stay.
        with start_capture(settings) as again:
            read_sets(reader, 3)
            assert reader.writer_restarted()
            assert again.health().state is CaptureState.RUNNING


def test_it_does_not_outlive_its_starter(settings: CaptureSettings, rig_file: Callable[..., None]):
    code = (
        "import sys, msgspec, time\n"
        "from mvmono3d.deploy.capture.handle import start_capture\n"
        "from mvmono3d.deploy.capture.settings import CaptureSettings\n"
        "capture = start_capture(msgspec.json.decode(sys.argv[1], type=CaptureSettings))\n"
        "print(capture.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    text = msgspec.json.encode(settings).decode()
    with subprocess.Popen([sys.executable, "-c", code, text], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        starter.kill()
    end_s = time.monotonic() + 20
    while not nothing_left(settings.ring) and time.monotonic() < end_s:
        time.sleep(0.02)
    assert nothing_left(settings.ring)


def test_cameras_of_before_the_standard_are_set_alike(
    settings: CaptureSettings, rig_file: Callable[..., None]
):
    rig_file("old_names = 1")
    lighting = Lighting(exposure_ns=2_000_000, gain=2.0)
    cameras = msgspec.structs.replace(settings.cameras, lighting=lighting)
    with (
        start_capture(msgspec.structs.replace(settings, cameras=cameras)) as capture,
        RingReader(capture.ring) as reader,
    ):
        sets = read_sets(reader, 10)
        health = capture.health()
    assert all(each.differences == () for each in health.applied)
    assert {each.clock for each in health.applied} == {ClockKind.SHARED}
    assert {each.lighting.exposure_ns for each in health.applied} == {2_000_000}
    assert all(len(set(pulses_of(each))) == 1 for each in sets if each.present.any())


def test_real_time_priority_is_asked_for_and_not_needed(
    settings: CaptureSettings, rig_file: Callable[..., None]
):
    with start_capture(msgspec.structs.replace(settings, realtime=True)) as capture:
        allowed = os.sched_getscheduler(capture.pid) == os.SCHED_RR
        assert allowed == may_go_first()
        assert capture.health().state is CaptureState.RUNNING


def may_go_first() -> bool:
    code = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_nothing_but_numpy_is_loaded_for_it():
    code = (
        "import sys; import mvmono3d.deploy.capture.process; import mvmono3d.deploy.cameras.harvesters; "
        "print(sorted({'torch', 'open3d', 'numba', 'scipy', 'cv2', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def lose_and_return(capture: CaptureHandle, reader: RingReader, *, times: int) -> None:
    """Read until camera 3 was lost and is back so often; the others are in every set."""
    end_s = time.monotonic() + 30 + 6 * times
    while True:
        found = reader.next()
        if found is None:
            time.sleep(0.001)
        else:
            assert found.present[:3].all(), "a camera that was not unplugged is absent"
            assert len(set(pulses_of(found))) == 1
        view = capture.health().views[3]
        if view.times_lost >= times and view.camera.connected:
            return
        assert time.monotonic() < end_s, f"lost {view.times_lost} times: {view.camera.message}"


def resources(pid: int) -> tuple[int, int, int]:
    """Own memory [kB] (the ring's is shared), file descriptors and threads of a process."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return int(status["RssAnon"].split()[0]), descriptors, int(status["Threads"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_losses_leak_nothing_and_cost_the_others_nothing(
    settings: CaptureSettings, rig_file: Callable[..., None]
):
    # Away for 2 pulses of every 20: unplugged and back each second.
    rig_file(*(f"fault = 3, device_lost, {100 + 20 * number}, 2, 0" for number in range(104)))
    # Memory for as many sets as a busy machine may need until a reader looks.
    roomy = msgspec.structs.replace(settings, ring_buffers=256, ring_sets=128)
    with start_capture(roomy) as capture, RingReader(capture.ring) as reader:
        # The C++ libraries reach their full size within some tens of connections.
        lose_and_return(capture, reader, times=20)
        before = resources(capture.pid)
        lose_and_return(capture, reader, times=100)
        after = resources(capture.pid)
        accounts = capture.health().accounts
        assert accounts is not None
        assert accounts.balanced
        assert reader.skipped == 0
    assert after[0] - before[0] <= 5 * 1024, f"{before} kB, descriptors, threads became {after}"
    assert after[1] == before[1]
    assert after[2] <= before[2] + 1
