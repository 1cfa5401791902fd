"""From pixels to joints, without cameras and processes: how far off, and how fast beside aniposelib.

`python -m tests.benchmarks.chain docs/benchmarks` runs the detector's bundle and the reconstructor's over
rendered takes that neither was trained on, one frame set after the other as the live loop does, and the same
network in fp32 with aniposelib's triangulation beside it. Each chain ends with a surface: the scene's true
depth is fused round the joints, by us or by Open3D. It writes chain.md there.

--fp32 names the same detector's bundle in fp32 (`mvmono3d export --precision fp32`); aniposelib
and Open3D run where `make bench-peers` put them.
"""

import argparse
import datetime
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

from mvmono3d.core.occlusion import OcclusionState
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
from mvmono3d.pointcloud.fusion import fuse_depth
from mvmono3d.pointcloud.surface import surface_of
from mvmono3d.pointcloud.volume import empty_volume
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture
from mvmono3d.synthetic.render.take import Canvas, Take
from tests.benchmarks.chain_page import PAGE, RIG, SIDE_M, VOXEL_M, Run, beside, table
from tests.benchmarks.machine import ROOT, commit, processor
from tests.benchmarks.peers.packed_depth import pack, unpack
from tests.benchmarks.surface_scenes import MovingDepth, scene_renderer, within

RATE_HZ, EXPOSURE_NS, GAIN = 60.0, 1_000_000, 1.0
SKELETON = load_skeleton("hand21")
_AHEAD = 60
LEAST_SEEN = 2
"""Views that must truly see a joint for it to count as visible."""


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
    ours, peer, frames, all_depths = Run(), Run(), 0, []
    for seed in chosen.seeds:
        take = take_of(seed, seconds=chosen.seconds)
        frames += take.frames
        depths = depths_of(take, seed, seconds=chosen.seconds)
        run(take, chosen.bundle, ours, seed=seed, depths=depths)
        if chosen.fp32 is not None:
            run(take, chosen.fp32, peer, seed=seed, depths=depths)
            all_depths.append(depths)
    page = PAGE.format(
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
        rows="\n".join([*table(ours), *beside(ours, peer, all_depths)]),
    )
    (chosen.folder / "chain.md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    return 0


def take_of(seed: int, *, seconds: float) -> Take:
    return rendered_take(
        VirtualSource(scene="hand", seed=seed, seconds=seconds), rate_hz=RATE_HZ, exposure_ns=EXPOSURE_NS
    )


def depths_of(take: Take, seed: int, *, seconds: float) -> dict[str, np.ndarray]:
    """Return packed images [m]: true depth of what moves, cut to a cube round the true joints."""
    moving = MovingDepth(scene_renderer(seed, seconds=seconds), RIG)
    centres = take.truth.points_world.mean(axis=1)
    return pack(within(moving.of(frame), RIG, centre, SIDE_M) for frame, centre in enumerate(centres))


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


def run(take: Take, bundle: Path, into: Run, *, seed: int, depths: dict[str, np.ndarray]) -> None:
    """Follow one scene from its first frame to its last."""
    detector, finder = open_detector(bundle), open_finder(bundle)
    parts, state, canvases = parts_of(), LoopState(), [Canvas(empty) for empty in take.empty]
    centres: list[np.ndarray] = []
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
        solved = time.perf_counter()
        state = stepped.state
        centres.append(centre_of(stepped, centres))
        into.searched += asked.search
        into.followed.append(not asked.search)
        into.times_ms["look"].append(1e3 * (looked - began))
        into.times_ms["joints"].append(1e3 * (solved - looked))
        keep(seen, parts.settings.least_confidence, into)
        score(stepped, take, frame, into)
    make_surfaces(depths, centres, into)


def make_surfaces(depths: dict[str, np.ndarray], centres: list[np.ndarray], into: Run) -> None:
    """Make them one after the other: live, a process of their own does, and Open3D's are made so."""
    for frame, centre in enumerate(centres):
        depth = unpack(depths, frame)
        began = time.perf_counter()
        volume = fuse_depth(empty_volume(centre, side_m=SIDE_M, voxel_m=VOXEL_M), depth, RIG)
        fused = time.perf_counter()
        surface_of(volume)
        into.times_ms["surface"].append(1e3 * (fused - began))
        into.times_ms["points"].append(1e3 * (time.perf_counter() - fused))


def centre_of(stepped, before: list[np.ndarray]) -> np.ndarray:
    """Return where the cube stands: round the joints, or where it stood before them."""
    if stepped.actors:
        return stepped.actors[0].points_world.mean(axis=0)
    return before[-1] if before else np.zeros(3)


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


if __name__ == "__main__":
    sys.exit(main())
