"""Surfaces of the actor: how fast beside Open3D, and how far from the true one.

`python -m tests.benchmarks.surfaces docs/benchmarks` renders hands that nothing was tuned on, fuses their
true depth, carves their silhouettes out of pictures with noise, and writes surfaces.md there. Open3D runs
where `make bench-peers` put it.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from mvmono3d.geometry.projection import project
from mvmono3d.pointcloud.fusion import fuse_depth
from mvmono3d.pointcloud.hull import carve
from mvmono3d.pointcloud.surface import Surface, surface_of
from mvmono3d.pointcloud.volume import empty_volume
from tests.benchmarks.machine import ROOT, commit, processor
from tests.benchmarks.peers.peer_process import PYTHON, THREADS
from tests.benchmarks.peers.surfaces import VOXELS_MM
from tests.benchmarks.surface_scenes import Frame, frames_of, straight_rig

RIG = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")
SIDE_M, VOXEL_M = 0.3, 0.003
_TIMED = 3
"""Frames of each scene that are timed."""
_THINNED = 5
"""Of the true surface's samples every fifth is looked for."""
_PAGE = """# Surfaces

Written by `python -m tests.benchmarks.surfaces docs/benchmarks --frames {of_each} --rounds {rounds}`:
a hand with props before the virtual rig's
four cameras of 640 x 400 px, {scenes} scenes of the test's share of the world (seeds {seeds}),
{frames} frames, a cube of 0.3 m round the hand.

Measured on {date} with Python {python}, numba {numba}, Open3D {open3d} on {processor},
load average {load:.1f}, commit {commit}.

## How fast

One process, one thread, turn by turn, medians in milliseconds of {turns} turns. Four depth images of what
moves in the cube, from lenses that don't bend, as Open3D knows no others (ours bends them all the same).
*Again*: into a volume that has seen these images. *New*: into an empty one, made first, as for an actor who
moves.

{speed}

The bar is 0.55 x at 3 mm, again. Of the voxels that heard the same views, {agree:.2%} have a distance within
0.001 truncations of Open3D's. It hears each view near that view's own depth alone, we hear all views near
any depth. It is given memory for as many blocks as it needs.

| ours, median ms | 2 mm | 3 mm | 4 mm |
|---|---|---|---|
{stages}

## How far from the truth

Distances of the surface's points from the true surface (hand and props) in mm, with voxels of 3 mm.
*Within*: points that lie no further than 3 mm from it. *Covered*: true surface in the cube that has a point
within 3 mm; for fused depth of what some camera sees, for a hull of all of it.

| surface | median | 90 % | within | covered |
|---|---|---|---|---|
{accuracy}

A hull is too large wherever no camera looks between fingers or past the palm, and four cameras leave many
such places. `tolerance` 1 lets one view be wrong, and pays for it.
"""


def main() -> int:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where surfaces.md is written")
    # Seeds of the virtual rig that leave 2 when divided by 3 are of the test's share of the world.
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 5, 8, 11, 14])
    parser.add_argument("--frames", type=int, default=8, help="of each scene")
    parser.add_argument("--rounds", type=int, default=20, help="how often each timed frame is fused")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    scenes = [frames_of(seed, RIG, count=chosen.frames, side_m=SIDE_M) for seed in chosen.seeds]
    timed = [frame for frames in scenes for frame in frames[:: max(1, len(frames) // _TIMED)]]
    times = side_by_side(timed, rounds=chosen.rounds)
    page = _PAGE.format(
        scenes=len(scenes),
        seeds=", ".join(map(str, chosen.seeds)),
        frames=sum(map(len, scenes)),
        of_each=chosen.frames,
        rounds=chosen.rounds,
        date=datetime.date.today().isoformat(),
        python=platform.python_version(),
        numba=version("numba"),
        open3d=times["version"],
        processor=processor(),
        load=load,
        commit=commit("mvmono3d"),
        turns=len(times["ours_3"]),
        speed="\n".join(speed_rows(times)),
        stages="\n".join(stage_rows(times)),
        agree=float((times["apart_3"] < 1e-3).mean()),
        accuracy="\n".join(accuracy_rows([frame for frames in scenes for frame in frames])),
    )
    (chosen.folder / "surfaces.md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    return 0


def side_by_side(frames: list[Frame], *, rounds: int) -> dict[str, np.ndarray]:
    """Return the times of both, from one process that has them both."""
    rig = straight_rig(RIG)
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "given.npz", Path(folder) / "got.npz"
        np.savez(
            given,
            depths=np.stack([frame.straight for frame in frames]),
            masks=np.stack([frame.masks for frame in frames]),
            centres=np.stack([frame.centre for frame in frames]),
            lens=rig.camera.lens,
            camera_from_world=rig.camera_from_world,
            side_m=SIDE_M,
            rounds=rounds,
        )
        command = [str(PYTHON), "-m", "peers.surfaces", str(given), str(got)]
        environment = os.environ | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=ROOT / "tests" / "benchmarks", env=environment, check=True)
        return dict(np.load(got))


def speed_rows(times: dict[str, np.ndarray]) -> list[str]:
    titles = "voxels | Open3D, again | ours, again | ratio | Open3D, new | ours, new | ratio"
    rows = [
        f"| {titles} |",
        "|---|" + 6 * "---|",
    ]
    for millimetres in VOXELS_MM:
        cells = []
        for kind in ("", "_new"):
            theirs, ours = (
                float(np.median(times[f"{who}{kind}_{millimetres}"])) for who in ("open3d", "ours")
            )
            cells += [f"{theirs:.2f}", f"{ours:.2f}", f"{ours / theirs:.2f} x"]
        rows.append(f"| {millimetres} mm | {' | '.join(cells)} |")
    return rows


def stage_rows(times: dict[str, np.ndarray]) -> list[str]:
    names = {
        "surface": "points and normals of fused depth",
        "carve": "hull of four silhouettes",
        "hull_surface": "points and normals of a hull",
    }
    return [
        " | ".join([f"| {words}", *(f"{np.median(times[f'{name}_{each}']):.2f}" for each in VOXELS_MM)])
        + " |"
        for name, words in names.items()
    ]


def accuracy_rows(frames: list[Frame]) -> list[str]:
    """Return a row for each kind of surface."""
    scored = [accuracy(frame) for frame in frames]
    rows = []
    for name in scored[0]:
        off_mm = 1e3 * np.concatenate([each[name][0] for each in scored])
        covered = np.mean([each[name][1] for each in scored])
        median, most = np.quantile(off_mm, [0.5, 0.9])
        within = (off_mm < 3.0).mean()
        rows.append(f"| {name} | {median:.2f} | {most:.2f} | {within:.1%} | {covered:.1%} |")
    return rows


def accuracy(frame: Frame) -> dict[str, tuple[np.ndarray, float]]:
    """Return for each surface its points' distances from the true one [m], and how much of that it covers."""
    truth = samples_of(frame)
    tree = KDTree(truth)
    inside = truth[(np.abs(truth - frame.centre) < 0.5 * SIDE_M - VOXEL_M).all(axis=1)][::_THINNED]
    seen = inside[seen_by_any(inside, frame)]
    surfaces = {
        "fused true depth": (fused(frame), seen),
        "hull of found silhouettes": (hull(frame.masks, frame, tolerance=0), inside),
        "hull of true silhouettes": (hull(frame.true_masks, frame, tolerance=0), inside),
        "the same, tolerance 1": (hull(frame.true_masks, frame, tolerance=1), inside),
    }
    return {
        name: (
            tree.query(surface.points_m)[0],
            float((KDTree(surface.points_m).query(asked)[0] < 0.003).mean()),
        )
        for name, (surface, asked) in surfaces.items()
    }


def fused(frame: Frame) -> Surface:
    volume = empty_volume(frame.centre, side_m=SIDE_M, voxel_m=VOXEL_M)
    return surface_of(fuse_depth(volume, frame.depths, RIG))


def hull(masks: np.ndarray, frame: Frame, *, tolerance: int) -> Surface:
    cube = {"centre_m": frame.centre, "side_m": SIDE_M, "voxel_m": VOXEL_M}
    return surface_of(carve(masks, RIG, tolerance=tolerance, **cube))


def samples_of(frame: Frame) -> np.ndarray:
    """Return points (n, 3) of the true surface near the cube, half a millimetre apart or so."""
    corners = frame.vertices[frame.triangles]
    near = (np.abs(corners - frame.centre) < 0.6 * SIDE_M).all(axis=(1, 2))
    shares = [(a, b, 4 - a - b) for a in range(5) for b in range(5 - a)]
    return np.concatenate([np.einsum("c,tcx->tx", np.array(share) / 4.0, corners[near]) for share in shares])


def seen_by_any(places: np.ndarray, frame: Frame) -> np.ndarray:
    """Say which places some camera sees: their depth is the depth there."""
    seen = project(places, lens=RIG.camera.lens, camera_from_world=RIG.camera_from_world)
    height, width = frame.depths.shape[1:]
    u, v = np.rint(seen.pixels.clip(0.0, [width - 1, height - 1])).astype(int).transpose(2, 0, 1)
    depth = frame.depths[np.arange(len(frame.depths))[:, None], v, u]
    return ((np.abs(depth - seen.depth) < 0.003) & (depth > 0.0)).any(axis=0)


if __name__ == "__main__":
    sys.exit(main())
