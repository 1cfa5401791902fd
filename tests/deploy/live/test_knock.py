"""A camera is knocked while the rig runs: the stream says which one, and it can be placed anew."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mvmono3d.deploy.client import Stream
from mvmono3d.deploy.client.commands import recalibrate
from mvmono3d.deploy.server.convert import rig_of
from mvmono3d.deploy.server.pose_frame import PoseFrame
from tests.deploy.live.rigs import running
from tests.deploy.live.small_site import write_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_KNOCKED = 1
_AFTER_S = 75.0
"""From the first picture to the knock, about: the rig answers some seconds later than its cameras begin."""
_AROUND_S = (-8.0, 15.0)
"""How far from that the warning may be."""
_HORIZON_NS = 12_000_000_000
"""After so long the guard looks back on nothing from before the knock."""
_PATIENCE_S = 400.0


def _until(stream: Stream[PoseFrame], holds: Callable[[PoseFrame], bool]) -> PoseFrame:
    end_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end_s:
        frame = stream.receive(1.0)
        if frame is not None and holds(frame):
            return frame
    raise TimeoutError(f"nothing of the kind within {_PATIENCE_S} s")


def _says_moved(frame: PoseFrame) -> bool:
    return any(f"rig moved: cam{_KNOCKED}" in each for each in frame.warnings)


def _names_another(frame: PoseFrame) -> bool:
    said = " ".join(each for each in frame.warnings if "rig moved" in each)
    return any(f"cam{view}" in said for view in range(4) if view != _KNOCKED)


def test_a_knocked_camera_is_named_in_the_stream_and_placed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    knock = f"{{camera: cam{_KNOCKED}, turn_deg: 2.0, after_s: {_AFTER_S:g}}}"
    # With smaller images the guard gives false alarms.
    site = write_site(tmp_path / "site", seconds=3.0, knock=knock, shrunk=1)
    with running(site, "--no-viewer") as rig, rig.stream() as stream:
        before, first = rig_of(stream.hello), _until(stream, lambda _: True)
        told = _until(stream, lambda frame: any("rig moved" in each for each in frame.warnings))
        seconds = (told.time_ns - first.time_ns) * 1e-9 - _AFTER_S
        sys.stdout.write(f"guard: {seconds:.1f} s after the knock: {told.warnings}\n")
        assert _says_moved(told), told.warnings
        assert _AROUND_S[0] < seconds < _AROUND_S[1]
        status = stream.status
        assert status is not None
        assert "moved" in status.detail["rig"]
        # The first seconds after a knock can look like another camera's doing.
        _until(stream, lambda frame: frame.time_ns - told.time_ns > _HORIZON_NS)
        _until(stream, lambda frame: _says_moved(frame) and not _names_another(frame))
        stream.command(recalibrate())
        _until(stream, lambda _: not _same(rig_of(stream.hello).camera_from_world, before.camera_from_world))
        after = rig_of(stream.hello)
        others = [view for view in range(len(before.names)) if view != _KNOCKED]
        assert _same(after.camera_from_world[others], before.camera_from_world[others])
        assert list(site.parent.glob("rig-*.toml"))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, atol=1e-9))
