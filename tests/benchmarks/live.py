"""Measure a whole rig on virtual cameras: `python -m tests.benchmarks.live docs/benchmarks`."""

import argparse
import datetime
import os
import platform
import re
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.resources import resource_folder
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_truth import VirtualTruth, read_virtual_truth
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.deploy.server.convert import pose_frame
from mvmono3d.deploy.server.messages import Pose
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.deploy.server.wire import Format, decode
from mvmono3d.deploy.site.site_file import read_site
from mvmono3d.deploy.site.wiring import capture_settings
from tests.benchmarks.machine import commit, processor
from tests.benchmarks.raw_stream import raw_messages
from tests.deploy.live.rigs import Rig, children, running

_RING = "bench-live"
_RENDER_S = 900.0
"""The first run renders the scene."""
_MODULES = {
    "capture": "mvmono3d.deploy.capture.process", "loop": "mvmono3d.deploy.loop.process",
    "server": "mvmono3d.deploy.server", "detector": "mvmono3d.deploy.detect.process",
    "guard": "mvmono3d.deploy.live.guarding", "renderer": "mvmono3d.deploy.cameras.virtual_rig",
}  # fmt: skip
_PAGE = """# A whole rig, live

Written by `python -m tests.benchmarks.live {arguments}`: `python -m mvmono3d.deploy` on four virtual
cameras of 640 x 400 px at {rate} Hz (scene of seed {seed}, {take} s) whose pictures were rendered before,
without a viewer, and a client that reads the stream for {seconds:.0f} s. Detector: {detector}.

Measured on {date} with Python {python} on {processor}, load average {load:.1f} before and {load_after:.1f}
after, commit {commit}. {poses} poses.

| what | must | reached |
| --- | --- | --- |
{rows}

A joint counts as visible where two cameras or more truly see it. Times are what this machine's processes
say of one monotonic clock; with other work beside, they are upper limits. A frame set is complete when its
last image has arrived at the capture process; a message is there when its last byte is in the client's hands,
not yet decoded. Compute is what one process would have to do as well: carry the last pose to windows in the
images, look into them, reconstruct. All else is hand-over: putting the images into the ring, waking the loop,
asking the detector, copying what it looks at, its answer, the message, the server, the socket. The virtual
cameras' process makes its pictures half a period before they are due. Memory is the proportional set size, in
which shared pages count once among their users.
"""


@dataclass
class Watched:
    """What a client saw, and when each frame set was exposed."""

    frames: list[PoseFrame] = field(default_factory=list)
    came_ns: list[int] = field(default_factory=list)
    ids: dict[int, int] = field(default_factory=dict)
    complete_ns: dict[int, int] = field(default_factory=dict)
    """When the last image of a set had arrived."""


def main() -> int:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where live.md is written")
    parser.add_argument("--seconds", type=float, default=20.0, help="of reading (default %(default)s)")
    parser.add_argument("--rate", type=int, default=60, help="of the trigger (default %(default)s Hz)")
    parser.add_argument("--seed", type=int, default=2, help="of the scene (default %(default)s)")
    parser.add_argument("--take", type=float, default=1.5, help="seconds of it (default %(default)s)")
    parser.add_argument(
        "--detector", help="as of mvmono3d.deploy, or truth, a rehearsal (default: the released one)"
    )
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        site = _write_site(Path(folder), rate_hz=chosen.rate, seed=chosen.seed, take_s=chosen.take)
        _run(site, chosen.detector, seconds=1.0)
        watched, memory, first_s = _run(site, chosen.detector, seconds=chosen.seconds)
        truth = _truth(site)
    page = _PAGE.format(
        rate=chosen.rate,
        seed=chosen.seed,
        take=chosen.take,
        seconds=chosen.seconds,
        detector=_told(chosen.detector),
        arguments=" ".join(sys.argv[1:]),
        date=datetime.date.today().isoformat(),
        python=platform.python_version(),
        processor=processor(),
        load=load,
        load_after=os.getloadavg()[0],
        commit=commit("mvmono3d"),
        poses=len(watched.frames),
        rows="\n".join(_rows(watched, truth, memory, first_s, seconds=chosen.seconds)),
    )
    chosen.folder.mkdir(parents=True, exist_ok=True)
    (chosen.folder / "live.md").write_text(page)
    sys.stdout.write(page)
    return 0


def _write_site(folder: Path, *, rate_hz: int, seed: int, take_s: float) -> Path:
    shipped = resource_folder("deploy", "sites", "virtual")
    (folder / "rig.toml").write_bytes((shipped / "rig.toml").read_bytes())
    text = (shipped / "site.yaml").read_text()
    backend = f"{{kind: virtual, scene: hand, seed: {seed}, seconds: {take_s}}}"
    text = re.sub(r"backend: .*", f"backend: {backend}", text)
    text = re.sub(r"board: .*", f"ring: {{name: {_RING}}}", text)
    text = re.sub(r"rate_hz: \d+", f"rate_hz: {rate_hz}", text)
    (folder / "site.yaml").write_text(text)
    return folder / "site.yaml"


def _told(detector: str | None) -> str:
    if detector == "truth":
        return "the truth with noise of 1 px (6 px where hidden), a rehearsal"
    return "the released one, on pixels" if detector is None else f"`{detector}`"


def _run(site: Path, detector: str | None, *, seconds: float) -> tuple[Watched, dict[str, float], float]:
    os.environ["XDG_CONFIG_HOME"] = str(site.parent)
    with running(site, "--no-viewer", *(() if detector is None else ("--detector", detector))) as rig:
        watched = _watch(rig, seconds=seconds)
        memory = {name: _pss_mb(rig, module) for name, module in _MODULES.items()}
        rig.process.send_signal(signal.SIGINT)
        output, _ = rig.process.communicate(timeout=60)
    said = re.search(r"first pose ([\d.]+) s", output)
    return watched, memory, float(said[1]) if said else float("nan")


def _watch(rig: Rig, *, seconds: float) -> Watched:
    watched, ended = Watched(), threading.Event()

    def follow() -> None:
        with RingReader(_RING) as ring:
            while not ended.is_set():
                found = ring.newest()
                if found is None:
                    time.sleep(0.005)
                else:
                    watched.ids[found.time_ns] = int(found.frame_id[0])
                    watched.complete_ns[found.time_ns] = int(found.host_ns.max())

    with rig.stream() as stream:
        patience_s = time.monotonic() + _RENDER_S
        while (frame := stream.receive(1.0)) is None or not frame.actors:
            if time.monotonic() > patience_s:
                raise SystemExit(f"no pose within {_RENDER_S:.0f} s")
    thread = threading.Thread(target=follow)
    thread.start()
    end_s, came = time.monotonic() + seconds, []
    for each in raw_messages(rig.port):
        came.append(each)
        if time.monotonic() > end_s:
            break
    ended.set()
    thread.join()
    for came_ns, content in came:
        message = decode(content, Format.MSGPACK)
        if isinstance(message, Pose):
            watched.came_ns.append(came_ns)
            watched.frames.append(pose_frame(message))
    return watched


def _pss_mb(rig: Rig, module: str) -> float:
    for pid in children(rig.process.pid):
        if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024  # pyright: ignore[reportOptionalSubscript]
    return 0.0


def _truth(site: Path) -> VirtualTruth:
    settings = capture_settings(read_site(site))
    if not isinstance(settings.source, VirtualSource):
        raise SystemExit("the benchmark's site has no virtual cameras")
    cameras = settings.cameras
    return read_virtual_truth(
        settings.source, rate_hz=cameras.rate_hz, exposure_ns=cameras.lighting.exposure_ns
    )


def _errors_mm(watched: Watched, truth: VirtualTruth) -> tuple[np.ndarray, np.ndarray]:
    """Distances of visible and of hidden joints from the truth; joints without an answer are left out."""
    visible, hidden = [], []
    for frame in watched.frames:
        if not frame.actors or frame.time_ns not in watched.ids:
            continue
        row, actor = truth.frame(watched.ids[frame.time_ns]), frame.actors[0]
        apart = 1e3 * np.linalg.norm(actor.points_world - truth.points_world[row], axis=-1)
        seen = (truth.state[row] == OcclusionState.VISIBLE).sum(axis=0) >= 2
        visible.append(apart[actor.present & seen])
        hidden.append(apart[actor.present & ~seen])
    return np.concatenate(visible), np.concatenate(hidden)


def _rows(
    watched: Watched, truth: VirtualTruth, memory: dict[str, float], first_s: float, *, seconds: float
) -> list[str]:
    visible, hidden = _errors_mm(watched, truth)
    stages = [dict(frame.metrics.stages_ms) for frame in watched.frames]
    compute = np.array([each["place"] + each["look"] + each["reconstruct"] for each in stages])
    whole = np.array(
        [
            1e-6 * (came - watched.complete_ns.get(frame.time_ns, came))
            for came, frame in zip(watched.came_ns, watched.frames, strict=True)
        ]
    )
    above = (whole - compute)[whole > 0.0]
    wire = 1e-6 * (np.array(watched.came_ns) - np.array([each.published_ns for each in watched.frames]))
    asked = np.array([each["detect"] - each["look"] for each in stages])
    together = sum(memory[name] for name in ("capture", "loop", "server"))
    apart = ", ".join(f"{name} {memory[name]:.0f} MB" for name in ("detector", "guard", "renderer"))
    return [
        f"| median error of {visible.size} visible joints | 4 mm or less | {np.median(visible):.2f} mm |",
        f"| median error of {hidden.size} hidden joints | 10 mm or less | {_median(hidden)} |",
        f"| frame sets per second | 30 or more | {len(watched.frames) / seconds:.1f} |",
        f"| compute (windows, detector, reconstructor), median | | {np.median(compute):.1f} ms |",
        f"| set complete to message at the client, above compute, median | 2 ms or less | "
        f"{np.median(above):.1f} ms |",
        f"| the same, a quarter / 95 % below | | {_shares(above)} |",
        f"| of it: until the loop has the set | | {np.median([each['wait'] for each in stages]):.1f} ms |",
        f"| of it: to the detector and back | | {np.median(asked):.1f} ms |",
        f"| of it: from the loop to the client | | {np.median(wire):.1f} ms |",
        f"| start to first pose | 3 s or less (on a recording) | {first_s:.1f} s |",
        f"| memory of capture, loop and server | 400 MB or less | {together:.0f} MB |",
        f"| apart from that | | {apart} |",
    ]


def _shares(values: np.ndarray) -> str:
    low, high = np.quantile(values, [0.25, 0.95])
    return f"{low:.1f} / {high:.1f} ms"


def _median(values: np.ndarray) -> str:
    return f"{np.median(values):.2f} mm" if values.size else "there were none"


if __name__ == "__main__":
    sys.exit(main())
