"""A rig that runs, seen as a person sees it: in a browser, through the view that it opens itself."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mvmono3d.viewer.scene import CLOUD_RGB
from mvmono3d.viewer.shapes import MEASURED_RGB
from tests.deploy.live.rigs import PATIENCE_S, Rig, free_port, running
from tests.deploy.live.small_site import write_site
from tests.viewer.chromium import Page, browsing

pytest.importorskip("viser", reason="no viser: pip install 'mvmono3d[viewer]'")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_PANEL_PX = 330
_UPWARDS_RGB = (32, 128, 255)
"""Of the handle that moves the region up and down."""
_CHECKBOX = """(() => {
  const label = [...document.querySelectorAll('label')].find(each => each.innerText === 'move it');
  const box = label && document.getElementById(label.htmlFor);
  return box ? (box.click(), true) : false;
})()"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = write_site(tmp_path / "site")
    path.write_text(path.read_text() + "cloud: {side_m: 0.24, voxel_m: 0.004}\n")
    return path


def _near(picture: np.ndarray, rgb: tuple[int, int, int], *, within: int) -> np.ndarray:
    """Say which pixels of the scene, without the panel, have about this colour."""
    scene = picture[:, : picture.shape[1] - _PANEL_PX].astype(int)
    return np.abs(scene - np.array(rgb[::-1])).max(axis=-1) < within


def _wait_for(page: Page, holds: Callable[[np.ndarray], bool], *, seconds: float = 120.0) -> np.ndarray:
    end_s = time.monotonic() + seconds
    while not holds(picture := page.picture()):
        assert time.monotonic() < end_s, "the page never looked so"
        time.sleep(1.0)
    return picture


def _pose_number(page: Page) -> int:
    return int(page.wait_for('((document.body?.innerText || "").match(/live, pose (\\d+)/) || [])[1]', 120))


def test_a_live_rig_is_seen_in_the_browser_and_its_region_is_dragged(site: Path, tmp_path: Path):
    port = free_port()
    with running(site, "--viewer-port", str(port)) as rig, rig.stream() as stream:
        stream.receive(PATIENCE_S)
        _await_view(rig, port)
        with browsing(f"http://127.0.0.1:{port}", tmp_path) as page:
            number = _pose_number(page)
            _skeleton_cloud_and_pictures_are_there(page, os.environ.get("MVMONO3D_PICTURES"))
            assert _pose_number(page) > number
            text = page.ask("document.body.innerText")
            assert re.search(r"running: .*loop", text)
            assert "rehearsal" in text
            _drag_upwards(page)
            end_s = time.monotonic() + 60
            while (status := stream.status) is None or status.roi is None:
                stream.receive(0.5)
                assert time.monotonic() < end_s, "no region was ordered"
    assert status.roi.center[2] > 0.02


def _await_view(rig: Rig, port: int) -> None:
    lines = rig.process.stdout
    assert lines is not None
    while f"viewer: http://127.0.0.1:{port}" not in (line := lines.readline()):
        assert line, "the rig ended"


def _skeleton_cloud_and_pictures_are_there(page: Page, keep: str | None) -> None:
    def drawn(picture: np.ndarray) -> bool:
        cloud = _near(picture, CLOUD_RGB, within=12).sum()
        return cloud > 300 and _near(picture, MEASURED_RGB, within=40).sum() > 60

    picture = _wait_for(page, drawn)
    dark = _near(picture, (0, 0, 0), within=70)
    # Cameras look at the dark: their pictures are large and black, and hang left and right of the skeleton.
    assert dark[:, : dark.shape[1] // 2].mean() > 0.01
    assert dark[:, dark.shape[1] // 2 :].mean() > 0.01
    if keep is not None:
        page.picture(Path(keep) / "live_view.png")


def _drag_upwards(page: Page) -> None:
    assert page.ask(_CHECKBOX)
    picture = _wait_for(page, lambda shown: _near(shown, _UPWARDS_RGB, within=40).sum() > 30)
    rows, columns = np.nonzero(_near(picture, _UPWARDS_RGB, within=40))
    tip = rows < np.quantile(rows, 0.2)
    start = (float(np.median(columns[tip])), float(np.median(rows[tip])))
    page.drag(start, (start[0], start[1] - 60.0))
