"""Headless Chromium, driven by its own protocol: open a page, ask it, click and drag, take its picture."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-port=0"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--no-first-run", "--hide-scrollbars", "--window-size=1000,640"),
)


class Page:
    """A tab."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._numbers = connection, itertools.count(1)
        self.call("Page.enable")
        self.call("Runtime.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv(timeout=240))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def ask(self, expression: str) -> Any:
        """Return what an expression of JavaScript is, as JSON would have it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 60.0) -> Any:
        end = time.monotonic() + seconds
        while not (value := self.ask(expression)):
            assert time.monotonic() < end, f"the page never had {expression}"
            time.sleep(0.2)
        return value

    def picture(self, path: Path | None = None) -> np.ndarray:
        """Return the picture of the page (height, width, 3: blue, green, red), and write it where asked."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return image

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at `start`, move to `end` in steps, release."""
        places = np.linspace(start, end, 12).tolist()
        self._mouse("mouseMoved", *start, button="none")
        time.sleep(0.3)
        self._mouse("mousePressed", *start, button="left")
        for x, y in places:
            self._mouse("mouseMoved", x, y, button="left")
            time.sleep(0.03)
        self._mouse("mouseReleased", *end, button="left")

    def _mouse(self, kind: str, x: float, y: float, *, button: str) -> None:
        buttons = 0 if button == "none" or kind == "mouseReleased" else 1
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1
        )


@contextlib.contextmanager
def browsing(url: str, folder: Path) -> Iterator[Page]:
    """Open a page; skips where there is no Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    profile = folder / "profile"
    process = subprocess.Popen(
        [program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        port = _port(profile / "DevToolsActivePort", process)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?{url}", method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            address = json.loads(answer.read())["webSocketDebuggerUrl"]
        with connect(address, max_size=None, compression=None) as connection:
            yield Page(connection)
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        assert process.poll() is None, "Chromium ended"
        time.sleep(0.1)
    raise AssertionError("Chromium opened no port")
