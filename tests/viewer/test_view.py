"""The viewer as a user starts it: a file as one page, a live stream in a browser."""

import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from mvmono3d.cli import main
from mvmono3d.deploy.server.messages import Box, SetRoi
from mvmono3d.errors import StreamError
from mvmono3d.viewer.live import Access, LiveView
from mvmono3d.viewer.panel import occlusion_html
from tests.deploy.server.streams import CONTROL, SKELETON, VIEWS, random_frame, stream
from tests.deploy.server.test_command import write_take
from tests.viewer.chromium import browsing

viser = pytest.importorskip("viser", reason="no viser: pip install 'mvmono3d[viewer]'")


def test_a_take_becomes_one_page(tmp_path, capsys):
    write_take(tmp_path)
    page = tmp_path / "page.html"
    rig = str(tmp_path / "rig.toml")
    assert main(["view", str(tmp_path / "take.npz"), "--rig", rig, "--html", str(page)]) == 0
    text = page.read_text()
    assert "__VISER_EMBED_DATA__=" in text
    # It stands alone: nothing is fetched from elsewhere.
    assert not re.findall(r"""<(?:script|link)[^>]+(?:src|href)=["']https?://""", text)
    assert "wrote" in capsys.readouterr().out


def test_a_rig_of_another_number_of_cameras_is_refused(tmp_path, capsys):
    write_take(tmp_path)
    rig = tmp_path / "rig.toml"
    rig.write_text(re.sub(r"\[cam_03\].*?(?=\[metadata\])", "", rig.read_text(), flags=re.DOTALL))
    command = ["view", str(tmp_path / "take.npz"), "--rig", str(rig), "--html", "x.html"]
    assert main(command) == 2
    assert f"{VIEWS} views" in capsys.readouterr().err


def test_without_a_stream_the_reason_is_told():
    server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
    try:
        with pytest.raises(StreamError, match="no stream at"):
            LiveView(server, Access(url="ws://127.0.0.1:1", patience_s=0.1)).run()
    finally:
        server.stop()


def test_a_table_says_what_every_view_sees():
    frame = random_frame(3)
    html = occlusion_html(frame, [f"cam{view}" for view in range(VIEWS)], list(SKELETON.joints))
    states = frame.actors[0].occlusion.argmax(axis=-1)
    assert html.count("<tr>") == VIEWS
    assert html.count(": VISIBLE'") == int((states == 0).sum())
    assert html.count("(no frame)") == int((~frame.view_present).sum())


def test_a_live_stream_is_drawn_and_a_dragged_region_reaches_the_loop():
    with stream() as (publisher, _, url):
        publisher.publish(random_frame(0, actors=2))
        server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
        view, seen = LiveView(server, Access(url=url, control_token=CONTROL)), []
        thread = threading.Thread(target=view.run, kwargs={"seen": seen.append})
        thread.start()
        try:
            end = time.monotonic() + 60
            for seq in range(1, 400):
                publisher.publish(random_frame(seq))
                time.sleep(0.02)
                if len(seen) > 5 or time.monotonic() > end:
                    break
            view.order_region(Box(center=(0.1, 0.2, 0.3), size=(0.4, 0.4, 0.4)))
            commands = []
            while not commands and time.monotonic() < end:
                commands = publisher.commands()
                publisher.publish(random_frame(999))
                time.sleep(0.05)
        finally:
            view.stop()
            thread.join()
            server.stop()
        numbers = [frame.seq for frame in seen if frame.seq < 999]
        assert np.all(np.diff(numbers) > 0)
        (command,) = commands
        assert isinstance(command, SetRoi)
        assert command.value.center == (0.1, 0.2, 0.3)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_page_shows_skeleton_and_curves_in_a_browser(tmp_path):
    write_take(tmp_path)
    page = tmp_path / "page.html"
    command = [sys.executable, "-m", "mvmono3d.cli", "view", str(tmp_path / "take.npz")]
    subprocess.run(
        [*command, "--rig", str(tmp_path / "rig.toml"), "--html", str(page)], check=True, timeout=300
    )
    with browsing(page.as_uri(), tmp_path) as browser:
        browser.wait_for("document.querySelector('canvas') !== null", 120)
        time.sleep(10)
        picture = browser.picture()
    # A page that draws nothing is white; a skeleton, cameras and a floor are not.
    assert np.mean(picture.min(axis=-1) < 200) > 0.005
