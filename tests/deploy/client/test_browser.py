"""The page of the guide, in a browser, reads what the server sends."""

import contextlib
import functools
import http.server
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT
from tests.deploy.server.streams import SKELETON, random_frame, stream
from tests.viewer.chromium import browsing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_GUIDE = ROOT / "docs" / "how-to" / "read-the-pose-stream.md"
_KEPT = "<script>window.said = []; console.log = (...all) => window.said.push(all.map(String));</script>"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_page_of_the_guide_reads_pose_after_pose(tmp_path: Path):
    found = re.search(r"```html\n(.*?)```", _GUIDE.read_text(), re.DOTALL)
    assert found is not None
    wrist = SKELETON.joints.index("wrist")
    frames = [frame for frame in map(random_frame, range(400)) if frame.actors[0].source[wrist] > 0]
    with stream() as (publisher, _, url), _served(tmp_path) as site:
        page = _KEPT + found[1].replace("ws://127.0.0.1:8787", url)
        (tmp_path / "page.html").write_text(page)
        publisher.publish(frames[0])
        with browsing(f"{site}/page.html", tmp_path) as browser:
            end_s = time.monotonic() + 300
            for frame in frames[1:]:
                publisher.publish(frame)
                time.sleep(0.1)
                if browser.ask("(window.said || []).length") >= 5:
                    break
                assert time.monotonic() < end_s
            said = browser.ask("window.said")
            assert browser.ask("document.title") == "live"
    by_time = {str(frame.time_ns): frame.actors[0] for frame in frames}
    assert len(said) >= 5
    for time_ns, *values, _ in said:
        actor = by_time[time_ns]
        wanted = [*actor.points_world[wrist].tolist(), float(actor.confidence[wrist])]
        assert [float(value) for value in values] == pytest.approx(wanted, abs=1e-3)
