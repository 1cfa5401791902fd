"""A camera is knocked while the rig runs: the stream says which one, and it can be placed anew."""

import sys
import time
from collections import deque
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
_NOTICED = 15 * 20
"""Answers of the loop from the first picture of the knocked camera to the warning: 15 s at the full rate."""
_SEEN = 20
"""Answers in which `_Residuals` sees the knock for certain."""
_HORIZON_NS = 12_000_000_000
"""After so long the guard looks back on nothing from before the knock."""
_PATIENCE_S = 400.0


class _Residuals:
    """The answer from which on what one camera detects doesn't fit."""

    def __init__(self) -> None:
        self._calm: deque[float] = deque(maxlen=400)
        self._newest: deque[float] = deque(maxlen=10)
        self.since: PoseFrame | None = None

    def add(self, frame: PoseFrame) -> None:
        if self.since is not None or not frame.actors:
            return
        found = frame.actors[0].reprojection_px[_KNOCKED]
        self._newest.append(float(np.median(found[found > 0])) if (found > 0).any() else 0.0)
        if len(self._calm) > 200 and np.median(self._newest) > 2 * np.median(self._calm):
            self.since = frame
        self._calm.append(self._newest[-1])


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
    knock = f"{{camera: cam{_KNOCKED}, turn_deg: 2.0, after_s: 75}}"
    site = write_site(tmp_path / "site", seconds=3.0, knock=knock)
    with running(site, "--no-viewer") as rig, rig.stream() as stream:
        before, residuals = rig_of(stream.hello), _Residuals()
        warned: list[PoseFrame] = []

        def noticed(frame: PoseFrame) -> bool:
            residuals.add(frame)
            warned.extend([frame] if any("rig moved" in each for each in frame.warnings) else [])
            return bool(warned) and residuals.since is not None

        _until(stream, noticed)
        told, knocked = warned[0], residuals.since
        assert knocked is not None
        seconds, answers = (told.time_ns - knocked.time_ns) * 1e-9, told.seq - knocked.seq
        sys.stdout.write(f"guard: {seconds:.1f} s, {answers} answers after the knock: {told.warnings}\n")
        assert -_SEEN < answers < _NOTICED, "warned before the camera was knocked, or late"
        status = stream.status
        assert status is not None
        assert "moved" in status.detail["rig"]
        # The first seconds after a knock can look like another camera's doing.
        _until(stream, lambda frame: frame.time_ns - knocked.time_ns > _HORIZON_NS)
        _until(stream, lambda frame: _says_moved(frame) and not _names_another(frame))
        stream.command(recalibrate())
        _until(stream, lambda _: not _same(rig_of(stream.hello).camera_from_world, before.camera_from_world))
        after = rig_of(stream.hello)
        others = [view for view in range(len(before.names)) if view != _KNOCKED]
        assert _same(after.camera_from_world[others], before.camera_from_world[others])
        assert list(site.parent.glob("rig-*.toml"))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, atol=1e-9))
