"""A whole rig of processes on virtual cameras: poses come, the dead come back, nobody stays behind."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mvmono3d.deploy.client import Stream
from mvmono3d.deploy.client.commands import set_exposure, set_roi, start_recording, stop_recording
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.server.messages import Status
from mvmono3d.deploy.server.pose_frame import PoseFrame
from tests.deploy.live.rigs import PATIENCE_S, Rig, children, running
from tests.deploy.live.small_site import write_site

_CONSENT = """
[consent]
subject = "nobody: virtual rig"
given_on = 2026-01-01
purpose = "a test"
retain_until = 2099-01-01
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def _until(stream: Stream[PoseFrame], holds: Callable[[PoseFrame], bool], *, patience_s: float) -> PoseFrame:
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        frame = stream.receive(1.0)
        if frame is not None and holds(frame):
            return frame
    raise TimeoutError(f"nothing of the kind within {patience_s} s")


def _somebody(frame: PoseFrame) -> bool:
    return bool(frame.actors) and bool(frame.actors[0].present.any())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    yield write_site(tmp_path_factory.mktemp("site"))
    if before is None:
        del os.environ["XDG_CONFIG_HOME"]
    else:
        os.environ["XDG_CONFIG_HOME"] = before


def test_a_rig_streams_survives_its_parts_and_ends_without_a_trace(site: Path):
    with running(site, "--no-viewer") as rig:
        with rig.stream() as stream:
            first = _until(stream, _somebody, patience_s=PATIENCE_S)
            assert first.actors[0].points_world.shape == (21, 3)
            assert any("rehearsal" in each for each in first.warnings)
            _detector_dies(rig, stream)
            _region_is_set(stream)
            _light_is_set(stream)
            _loop_dies(rig, stream)
        family = children(rig.process.pid)
        rig.process.send_signal(signal.SIGINT)
        output, _ = rig.process.communicate(timeout=60)
    assert rig.process.returncode == 0, output
    assert re.search(r"of \d+\.\d sets/s .* age \d", output), output
    assert not [pid for pid in family if Path(f"/proc/{pid}/task").exists()]


def _detector_dies(rig: Rig, stream: Stream[PoseFrame]) -> None:
    os.kill(rig.pid_of("mvmono3d.deploy.detect.process"), signal.SIGKILL)
    told = _until(stream, lambda frame: any("detector" in each for each in frame.warnings), patience_s=20)
    # Others go on: sets keep being answered without it.
    assert _until(stream, lambda frame: frame.seq > told.seq + 2, patience_s=20)
    back = _until(
        stream,
        lambda frame: _somebody(frame) and not any("is not there" in each for each in frame.warnings),
        patience_s=30,
    )
    assert back.seq > told.seq


def _region_is_set(stream: Stream[PoseFrame]) -> None:
    stream.command(set_roi((5.0, 0.0, 0.0), (0.1, 0.1, 0.1)))
    _until(stream, lambda frame: not frame.actors, patience_s=20)
    assert stream.status is not None
    assert stream.status.roi is not None
    stream.command(set_roi((0.0, 0.0, 0.0), (5.0, 5.0, 5.0)))
    _until(stream, _somebody, patience_s=20)


def _told(stream: Stream[PoseFrame], holds: Callable[[Status], bool]) -> None:
    _until(stream, lambda _: stream.status is not None and holds(stream.status), patience_s=80)


def _light_is_set(stream: Stream[PoseFrame]) -> None:
    stream.command(set_exposure(700_000))
    _told(stream, lambda status: status.exposure_ns == 700_000)
    stream.command(set_exposure(900_000_000))
    _until(stream, lambda frame: any("set_exposure" in each for each in frame.warnings), patience_s=20)


def test_a_take_goes_on_in_a_second_folder_when_its_recorder_dies(site: Path):
    with running(site, "--no-viewer") as rig, rig.stream() as stream:
        _until(stream, _somebody, patience_s=PATIENCE_S)
        _recorder_dies(rig, stream, site.parent)


def _recorder_dies(rig: Rig, stream: Stream[PoseFrame], folder: Path) -> None:
    (folder / "consents").mkdir()
    (folder / "consents" / "nobody.toml").write_text(_CONSENT)
    stream.command(start_recording("first", consent="nobody", purpose="a test"))
    _told(stream, lambda status: status.recording == "first")
    os.kill(rig.pid_of("mvmono3d.deploy.recording.process"), signal.SIGKILL)
    seq = _until(stream, lambda _: True, patience_s=20).seq
    _told(stream, lambda status: status.recording == "first-2")
    assert _until(stream, _somebody, patience_s=20).seq > seq
    stream.command(stop_recording())
    _told(stream, lambda status: status.recording is None)
    end_s = time.monotonic() + 30
    while not list((folder / "takes" / "first-2").glob("*.mcap")) and time.monotonic() < end_s:
        time.sleep(0.1)
    assert list((folder / "takes" / "first-2").glob("*.mcap"))
    recording = open_recording(folder / "takes" / "first-2")
    answered = {each.time_ns for each in recording.joints()}
    assert answered
    assert answered <= set(recording.time_ns.tolist())


def _loop_dies(rig: Rig, stream: Stream[PoseFrame]) -> None:
    before = rig.pid_of("mvmono3d.deploy.loop.process")
    os.kill(before, signal.SIGKILL)
    back = _until(stream, lambda frame: any("loop died" in each for each in frame.warnings), patience_s=30)
    assert np.isfinite(back.published_ns)
    assert rig.pid_of("mvmono3d.deploy.loop.process") != before


def test_when_the_one_that_looks_after_all_is_killed_nobody_stays(site: Path):
    with running(site, "--no-viewer") as rig, rig.stream() as stream:
        _until(stream, _somebody, patience_s=PATIENCE_S)
        family = children(rig.process.pid)
        rig.process.kill()
        end_s = time.monotonic() + 30
        while (left := [pid for pid in family if _lives(pid)]) and time.monotonic() < end_s:
            time.sleep(0.2)
        assert not left


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_two_hands_that_meet_are_two_actors_of_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    site = write_site(tmp_path)
    site.write_text(site.read_text().replace("scene: hand,", "scene: hands,") + "actors: 2\n")
    with running(site, "--no-viewer") as rig, rig.stream() as stream:
        both = _until(stream, lambda frame: len(frame.actors) == 2, patience_s=PATIENCE_S)
        later = _until(stream, lambda frame: frame.seq > both.seq + 5, patience_s=20)
    middles = [np.median(each.points_world[each.present], axis=0) for each in both.actors]
    assert np.linalg.norm(middles[0] - middles[1]) > 0.03
    assert {each.actor for each in later.actors} == {each.actor for each in both.actors}
