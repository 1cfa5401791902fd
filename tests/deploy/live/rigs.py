"""A rig of processes as a user starts it, and who belongs to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mvmono3d.deploy.client import Stream, connect
from mvmono3d.deploy.server.pose_frame import PoseFrame

PATIENCE_S = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(each) for path in tasks for each in path.read_text().split()]
    return found + [pid for child in found for pid in children(child)]


@dataclass
class Rig:
    """A rig that runs."""

    process: "subprocess.Popen[str]"
    port: int

    def pid_of(self, module: str) -> int:
        for pid in children(self.process.pid):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if module.encode() in words:
                return pid
        raise ProcessLookupError(module)

    def stream(self) -> Stream[PoseFrame]:
        token = Path(os.environ["XDG_CONFIG_HOME"]) / "mvmono3d" / "control-token"
        end_s = time.monotonic() + PATIENCE_S
        while not token.is_file() and time.monotonic() < end_s:
            time.sleep(0.1)
        return connect(
            f"ws://127.0.0.1:{self.port}", control_token=token.read_text().strip(), patience_s=PATIENCE_S
        )


@contextmanager
def running(site: Path, *more: str) -> Iterator[Rig]:
    port = free_port()
    command = [sys.executable, "-m", "mvmono3d.deploy", "--site", str(site), "--port", str(port), *more]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield Rig(process, port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        if process.stdout is not None and not process.stdout.closed:
            process.communicate(timeout=90)
