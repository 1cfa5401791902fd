"""From pixels to joints, without cameras and processes: how far off, and how fast beside aniposelib.

`python -m tests.benchmarks.chain docs/benchmarks` runs the detector's bundle and the reconstructor's over
rendered takes that neither was trained on, one frame set after the other as the live loop does, and the same
network in fp32 with aniposelib's triangulation beside it. It writes chain.md there.

--fp32 names the same detector's bundle in fp32 (`mvmono3d export --precision fp32`); aniposelib runs where
`make bench-peers` put it.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_scene import rendered_take
from mvmono3d.deploy.detect.finder import open_finder
from mvmono3d.deploy.detect.look import Sighting, look
from mvmono3d.deploy.detect.network import open_detector
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.windows import WindowSettings
from mvmono3d.deploy.loop.parts import Parts
from mvmono3d.deploy.loop.reconstructor import LearnedReconstructor, RobustReconstructor
from mvmono3d.deploy.loop.seen import likeliest, seen_of
from mvmono3d.deploy.loop.state import LoopState
from mvmono3d.deploy.loop.step import question, step
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture
from mvmono3d.synthetic.render.take import Canvas, Take
from tests.benchmarks.machine import ROOT, commit, processor
from tests.benchmarks.peers.peer_process import PYTHON

RATE_HZ, EXPOSURE_NS, GAIN = 60.0, 1_000_000, 1.0
SKELETON = load_skeleton("hand21")
RIG = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")
_AHEAD = 60
LEAST_SEEN = 2
"""Views that must truly see a joint for it to count as visible."""
_PAGE = """# From pixels to joints

Written by `python -m tests.benchmarks.chain docs/benchmarks --fp32 BUNDLE`: the virtual rig's four cameras of
640 x 400 px at {rate:g} Hz, a hand at half a metre with props, {scenes} scenes of {seconds:g} s whose
motions, bodies, props and looks neither network was trained on. Find, follow, cut four crops, detect,
reconstruct, one frame set after the other, in one process on one core. {frames} frame sets.

Measured on {date} with Python {python} on {processor}, load average {load:.1f}, commit {commit}.

{rows}

Visible: two cameras or more truly see the joint. Times are by the clock, of frame sets in which the hand was
followed; drawing the pictures is not in them. Beside it stands the same network in fp32, followed by
aniposelib's linear triangulation of the joints of confidence {sure} or more; its errors are those of the
joints that it answers. No chain makes surfaces.
"""


@dataclass
class Run:
    """What came of one chain over all scenes."""

    visible_mm: list[float] = field(default_factory=list)
    hidden_mm: list[float] = field(default_factory=list)
    missing: int = 0
    joints: int = 0
    searched: int = 0
    times_ms: dict[str, list[float]] = field(default_factory=lambda: {"look": [], "joints": []})
    followed: list[bool] = field(default_factory=list)
    pixels: list[np.ndarray] = field(default_factory=list)
    detected: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    hidden: list[np.ndarray] = field(default_factory=list)


def main() -> int:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where chain.md is written")
    parser.add_argument("--bundle", type=Path, default=ROOT / "deploy/models/detector_hand21")
    parser.add_argument("--fp32", type=Path, help="the same detector in fp32, to be timed beside it")
    # Seeds of the virtual rig that leave 2 when divided by 3 are of the test's share of the world.
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 5, 8, 11, 14])
    parser.add_argument("--seconds", type=float, default=4.0)
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    ours, peer, frames = Run(), Run(), 0
    for seed in chosen.seeds:
        take = take_of(seed, seconds=chosen.seconds)
        frames += take.frames
        run(take, chosen.bundle, ours, seed=seed)
        if chosen.fp32 is not None:
            run(take, chosen.fp32, peer, seed=seed)
    page = _PAGE.format(
        rate=RATE_HZ,
        scenes=len(chosen.seeds),
        seconds=chosen.seconds,
        frames=frames,
        date=datetime.date.today().isoformat(),
        python=platform.python_version(),
        processor=processor(),
        load=load,
        commit=commit("mvmono3d"),
        sure=parts_of().settings.least_confidence,
        rows="\n".join([*table(ours), *beside(ours, peer, chosen.fp32 is not None)]),
    )
    (chosen.folder / "chain.md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    return 0


def take_of(seed: int, *, seconds: float) -> Take:
    return rendered_take(
        VirtualSource(scene="hand", seed=seed, seconds=seconds), rate_hz=RATE_HZ, exposure_ns=EXPOSURE_NS
    )


def images_of(take: Take, canvases: list[Canvas], frame: int, *, seed: int) -> WholeImages:
    exposure = Exposure(exposure_s=EXPOSURE_NS * 1e-9, gain=GAIN)
    pictures = [
        take_picture(
            canvas.show(take.patch(frame, view)),
            exposure,
            SensorSettings(),
            key=noise_key(seed, frame=frame, view=view),
        )
        for view, canvas in enumerate(canvases)
    ]
    return WholeImages(
        images=np.stack(pictures),
        bits=8,
        present=np.ones(len(pictures), dtype=bool),
        frame_id=np.full(len(pictures), frame, dtype=np.int64),
        time_ns=round(1e9 + frame * 1e9 / RATE_HZ),
    )


def run(take: Take, bundle: Path, into: Run, *, seed: int) -> None:
    """Follow one scene from its first frame to its last."""
    detector, finder = open_detector(bundle), open_finder(bundle)
    parts, state, canvases = parts_of(), LoopState(), [Canvas(empty) for empty in take.empty]
    # Pictures are drawn ahead, as cameras would have them: drawing would leave nothing else in the caches.
    drawn: list[WholeImages] = []
    for frame in range(take.frames):
        if frame % _AHEAD == 0:
            ahead = range(frame, min(frame + _AHEAD, take.frames))
            drawn = [images_of(take, canvases, each, seed=seed) for each in ahead]
        images = drawn[frame % _AHEAD]
        asked = question(state, parts, time_ns=images.time_ns)
        began = time.perf_counter()
        seen = look(images, asked.windows, search=asked.search, detector=detector, finder=finder)
        looked = time.perf_counter()
        stepped = step(state, asked, seen, parts, time_ns=images.time_ns, present=images.present)
        state = stepped.state
        into.searched += asked.search
        into.followed.append(not asked.search)
        into.times_ms["look"].append(1e3 * (looked - began))
        into.times_ms["joints"].append(1e3 * (time.perf_counter() - looked))
        keep(seen, parts.settings.least_confidence, into)
        score(stepped, take, frame, into)


def parts_of() -> Parts:
    return Parts(
        rig=RIG,
        joints=len(SKELETON.joints),
        learned=LearnedReconstructor(read_bundle(ROOT / "deploy/models/hand21"), RIG, SKELETON),
        robust=RobustReconstructor(RIG),
        windows=WindowSettings(upright=SKELETON.upright),
    )


def keep(seen: Sighting, least_confidence: float, into: Run) -> None:
    """Remember the joints of each view's likeliest candidate, for aniposelib."""
    chosen = seen_of(seen, likeliest(seen), least_confidence=least_confidence)
    into.pixels.append(chosen.pixels)
    into.detected.append(chosen.detected)


def score(stepped, take: Take, frame: int, into: Run) -> None:
    hidden = (take.truth.state[frame] == OcclusionState.VISIBLE).sum(axis=0) < LEAST_SEEN
    into.joints += len(hidden)
    into.truth.append(take.truth.points_world[frame])
    into.hidden.append(hidden)
    if not stepped.actors:
        into.missing += len(hidden)
        return
    pose = stepped.actors[0]
    error = 1e3 * np.linalg.norm(pose.points_world - take.truth.points_world[frame], axis=-1)
    into.missing += int((~pose.present).sum())
    into.visible_mm.extend(error[pose.present & ~hidden].tolist())
    into.hidden_mm.extend(error[pose.present & hidden].tolist())


def table(ours: Run) -> list[str]:
    times, followed = total_ms(ours, ours.times_ms["joints"]), np.array(ours.followed)
    seen, hidden = np.array(ours.visible_mm), np.array(ours.hidden_mm)
    look_ms, joints_ms = (np.median(np.array(ours.times_ms[name])[followed]) for name in ("look", "joints"))
    rows = [
        ("median error of visible joints", "4 mm or less", f"{np.median(seen):.2f} mm", len(seen)),
        ("90 % of them", "", f"{np.quantile(seen, 0.9):.2f} mm or less", len(seen)),
        ("median error of hidden joints", "10 mm or less", f"{np.median(hidden):.2f} mm", len(hidden)),
        ("90 % of them", "", f"{np.quantile(hidden, 0.9):.2f} mm or less", len(hidden)),
        ("joints without an answer", "", f"{ours.missing / ours.joints:.2%}", ours.joints),
        ("frame sets in which the hand was searched", "", str((~followed).sum()), len(followed)),
        ("cut and detect, median", "", f"{look_ms:.2f} ms", len(times)),
        ("reconstruct, median", "", f"{joints_ms:.2f} ms", len(times)),
        ("all, median", "8 ms or less", f"{np.median(times):.2f} ms", len(times)),
        ("all, 95 %", "16 ms or less", f"{np.quantile(times, 0.95):.2f} ms", len(times)),
    ]
    lines = ["| what | must | reached | of |", "|---|---|---|---|"]
    return lines + [f"| {' | '.join(str(each) for each in row)} |" for row in rows]


def total_ms(of: Run, joints_ms: list[float] | np.ndarray) -> np.ndarray:
    """Return the times of the frame sets in which the hand was followed."""
    return np.add(of.times_ms["look"], joints_ms)[np.array(of.followed)]


def beside(ours: Run, peer: Run, measured: bool) -> list[str]:
    """Return the table of the same network in fp32 with aniposelib."""
    if not measured or not PYTHON.exists():
        return ["", "Not run beside aniposelib: no `--fp32`, or no environment of the peers."]
    median = float(np.median(total_ms(ours, ours.times_ms["joints"])))
    lines = [
        "",
        "| chain | median ms | ours takes | visible, median mm | hidden, median mm |",
        "|---|---|---|---|---|",
    ]
    mine = [float(np.median(each)) for each in (ours.visible_mm, ours.hidden_mm)]
    lines.append(f"| ours | {median:.2f} | | {mine[0]:.2f} | {mine[1]:.2f} |")
    learned = float(np.median(total_ms(peer, peer.times_ms["joints"])))
    errors = [float(np.median(each)) for each in (peer.visible_mm, peer.hidden_mm)]
    lines.append(
        f"| ours, detector in fp32 | {learned:.2f} | {median / learned:.2f} x "
        f"| {errors[0]:.2f} | {errors[1]:.2f} |"
    )
    answers, hidden = aniposelib(peer), np.array(peer.hidden)
    error = 1e3 * np.linalg.norm(answers["points"] - np.array(peer.truth), axis=-1)
    there, took = np.isfinite(error), float(np.median(total_ms(peer, answers["ms"])))
    medians = [float(np.median(error[there & which])) for which in (~hidden, hidden)]
    lines.append(
        f"| fp32, aniposelib | {took:.2f} | {median / took:.2f} x "
        f"| {medians[0]:.2f} ({there[~hidden].mean():.0%} answered) "
        f"| {medians[1]:.2f} ({there[hidden].mean():.0%} answered) |"
    )
    return lines


def aniposelib(peer: Run) -> dict[str, np.ndarray]:
    """Return its joints and times, frame set by frame set."""
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "given.npz", Path(folder) / "got.npz"
        np.savez(
            given,
            pixels=np.array(peer.pixels),
            detected=np.array(peer.detected),
            lens=RIG.camera.lens,
            camera_from_world=RIG.camera_from_world,
        )
        script = Path(__file__).with_name("chain_peer.py")
        subprocess.run([str(PYTHON), str(script), str(given), str(got)], check=True)
        return dict(np.load(got))


if __name__ == "__main__":
    sys.exit(main())
