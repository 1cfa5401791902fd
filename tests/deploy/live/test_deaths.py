"""Whoever dies, the others go on, it is back soon, and the stream says so."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mvmono3d.deploy.client import Stream, connect_clouds
from mvmono3d.deploy.server.pose_frame import PoseFrame
from tests.deploy.live.rigs import PATIENCE_S, Rig, free_port, running
from tests.deploy.live.small_site import write_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_BACK_S = 3.0
"""From death to return, on a machine of its own. Others that use the machine lengthen the time, not the work:
so the work of the new process is held to this, and the time is printed."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return write_site(tmp_path / "site")


def _until(stream: Stream[PoseFrame], holds: Callable[[PoseFrame], bool]) -> PoseFrame:
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        frame = stream.receive(1.0)
        if frame is not None and holds(frame):
            return frame
    raise TimeoutError(f"nothing of the kind within {PATIENCE_S} s")


def _somebody(frame: PoseFrame) -> bool:
    return bool(frame.actors) and bool(frame.actors[0].present.any())


def _kill(rig: Rig, module: str) -> float:
    os.kill(rig.pid_of(module), signal.SIGKILL)
    return time.monotonic()


def _told(stream: Stream[PoseFrame], part: str, words: str) -> None:
    """Return when the status says so of a part."""
    _until(
        stream,
        lambda _: stream.status is not None and words in stream.status.detail.get(part, ""),
    )


def _is_back(rig: Rig, part: str, module: str, killed_s: float) -> None:
    """Print how long it took, and hold the work of the new process to the limit."""
    seconds = time.monotonic() - killed_s
    words = Path(f"/proc/{rig.pid_of(module)}/stat").read_text().rsplit(") ", 1)[1].split()
    worked_s = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    sys.stdout.write(f"{part}: back after {seconds:.1f} s, of which it worked {worked_s:.1f} s\n")
    assert worked_s < _BACK_S


@pytest.mark.parametrize(
    ("part", "module"),
    [("guard", "mvmono3d.deploy.live.guarding"), ("viewer", "mvmono3d.cli")],
)
def test_beside_the_stream_somebody_dies(site: Path, part: str, module: str):
    pytest.importorskip("viser", reason="no viser: pip install 'mvmono3d[viewer]'")
    with running(site, "--viewer-port", str(free_port())) as rig, rig.stream() as stream:
        _until(stream, _somebody)
        _told(stream, part, "running")
        before = _until(stream, _somebody)
        killed_s = _kill(rig, module)
        _until(stream, lambda frame: any(part in each for each in frame.warnings))
        _told(stream, part, "running, died 1 x")
        _is_back(rig, part, module, killed_s)
        after = _until(stream, _somebody)
        # Nothing of the stream was lost: one loop goes on counting.
        assert after.seq > before.seq


def test_the_cloud_dies_and_others_come(site: Path):
    site.write_text(site.read_text() + "cloud: {side_m: 0.24, voxel_m: 0.006}\n")
    with (
        running(site, "--no-viewer") as rig,
        rig.stream() as stream,
        connect_clouds(f"ws://127.0.0.1:{rig.port}", patience_s=PATIENCE_S) as clouds,
    ):
        assert clouds.receive(PATIENCE_S)
        before = _until(stream, _somebody)
        killed_s = _kill(rig, "mvmono3d.deploy.cloud.process")
        _until(stream, lambda frame: any("cloud" in each for each in frame.warnings))
        _told(stream, "cloud", "running, died 1 x")
        _is_back(rig, "cloud", "mvmono3d.deploy.cloud.process", killed_s)
        after = _until(stream, _somebody)
        assert after.seq > before.seq
        end_s = time.monotonic() + PATIENCE_S
        while (cloud := clouds.receive(1.0)) is None or cloud.t_ns <= after.time_ns:
            assert time.monotonic() < end_s, "no cloud came any more"


def test_the_server_dies_and_its_clients_find_the_next_one(site: Path):
    with running(site, "--no-viewer") as rig, rig.stream() as stream, rig.stream() as other:
        before = _until(stream, _somebody)
        loop = rig.pid_of("mvmono3d.deploy.loop.process")
        killed_s = _kill(rig, "mvmono3d.deploy.server")
        # Poses that were on their way when it died still come: only the next server can tell of the death.
        _told(stream, "server", "running, died 1 x")
        _is_back(rig, "server", "mvmono3d.deploy.server", killed_s)
        assert rig.pid_of("mvmono3d.deploy.loop.process") == loop
        after = _until(stream, _somebody)
        assert _until(other, lambda frame: frame.seq > after.seq)
        # Poses were made meanwhile: the numbers went on without the clients.
        assert after.seq > before.seq + 1
