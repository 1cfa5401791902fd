"""The page of the chain: its tables, and what aniposelib and Open3D make of the same joints and depth."""

import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from tests.benchmarks.peers.packed_depth import join
from tests.benchmarks.peers.peer_process import PYTHON, THREADS

RIG = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")
SIDE_M, VOXEL_M = 0.3, 0.003
"""Of the cube that a surface is made in."""
STAGES = ("look", "joints", "surface", "points")
PAGE = """# From pixels to joints

Written by `python -m tests.benchmarks.chain docs/benchmarks --fp32 BUNDLE`: the virtual rig's four cameras of
640 x 400 px at {rate:g} Hz, a hand at half a metre with props, {scenes} scenes of {seconds:g} s whose
motions, bodies, props and looks neither network was trained on. Find, follow, cut four crops, detect,
reconstruct, one frame set after the other, in one process on one core; then the surfaces, one after the
other. {frames} frame sets.

Measured on {date} with Python {python} on {processor}, load average {load:.1f}, commit {commit}.

{rows}

Visible: two cameras or more truly see the joint. Times are by the clock, of frame sets in which the hand was
followed; drawing the pictures is not in them. Beside it stands the same network in fp32, followed by
aniposelib's linear triangulation of the joints of confidence {sure} or more; its errors are those of the
joints that it answers.

The surface: the scene's true depth images of what moves in a cube of 0.3 m are fused into voxels of 3 mm,
made anew in each frame set; no chain makes depth. Ours is that of `fuse_depth`, round the joints just found;
its points and normals are a row of their own, in no total. The last chain's is that of Open3D's
VoxelBlockGrid, of the same depth images, which its user would have to straighten first as it knows no lens
distortion; making its grid is in its time, as making our volume is in ours.
"""


@dataclass
class Run:
    """What came of one chain over all scenes."""

    visible_mm: list[float] = field(default_factory=list)
    hidden_mm: list[float] = field(default_factory=list)
    missing: int = 0
    joints: int = 0
    searched: int = 0
    times_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})
    followed: list[bool] = field(default_factory=list)
    pixels: list[np.ndarray] = field(default_factory=list)
    detected: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    hidden: list[np.ndarray] = field(default_factory=list)


def table(ours: Run) -> list[str]:
    times, followed = total_ms(ours), np.array(ours.followed)
    whole = total_ms(ours, surface=True)
    seen, hidden = np.array(ours.visible_mm), np.array(ours.hidden_mm)
    each_ms = {name: np.median(np.array(ours.times_ms[name])[followed]) for name in STAGES}
    rows = [
        ("median error of visible joints", "4 mm or less", f"{np.median(seen):.2f} mm", len(seen)),
        ("90 % of them", "", f"{np.quantile(seen, 0.9):.2f} mm or less", len(seen)),
        ("median error of hidden joints", "10 mm or less", f"{np.median(hidden):.2f} mm", len(hidden)),
        ("90 % of them", "", f"{np.quantile(hidden, 0.9):.2f} mm or less", len(hidden)),
        ("joints without an answer", "", f"{ours.missing / ours.joints:.2%}", ours.joints),
        ("frame sets in which the hand was searched", "", str((~followed).sum()), len(followed)),
        ("cut and detect, median", "", f"{each_ms['look']:.2f} ms", len(times)),
        ("reconstruct, median", "", f"{each_ms['joints']:.2f} ms", len(times)),
        ("fuse depth, median", "", f"{each_ms['surface']:.2f} ms", len(times)),
        ("points and normals of it, median", "", f"{each_ms['points']:.2f} ms", len(times)),
        ("all but the surface, median", "8 ms or less", f"{np.median(times):.2f} ms", len(times)),
        ("all but the surface, 95 %", "16 ms or less", f"{np.quantile(times, 0.95):.2f} ms", len(times)),
        ("all with the surface, median", "", f"{np.median(whole):.2f} ms", len(times)),
        ("all with the surface, 95 %", "", f"{np.quantile(whole, 0.95):.2f} ms", len(times)),
    ]
    lines = ["| what | must | reached | of |", "|---|---|---|---|"]
    return lines + [f"| {' | '.join(str(each) for each in row)} |" for row in rows]


def total_ms(of: Run, *, joints_ms: np.ndarray | None = None, surface: bool = False) -> np.ndarray:
    """Return the times of the frame sets in which the hand was followed."""
    joints = of.times_ms["joints"] if joints_ms is None else joints_ms
    total = np.add(of.times_ms["look"], joints)
    return (total + of.times_ms["surface"] if surface else total)[np.array(of.followed)]


def beside(ours: Run, peer: Run, depths: list[dict[str, np.ndarray]]) -> list[str]:
    """Return the table of the same network in fp32 with aniposelib and Open3D."""
    if not depths or not PYTHON.exists():
        return ["", "Not run beside aniposelib: no `--fp32`, or no environment of the peers."]
    answers, hidden = others(peer, join(depths)), np.array(peer.hidden)
    error = 1e3 * np.linalg.norm(answers["points"] - np.array(peer.truth), axis=-1)
    there, theirs = np.isfinite(error), total_ms(peer, joints_ms=answers["ms"])
    theirs_whole = theirs + answers["surface_ms"][np.array(peer.followed)]
    theirs_off = [
        f"{np.median(error[there & which]):.2f} ({there[which].mean():.0%} answered)"
        for which in (~hidden, hidden)
    ]
    chains = [
        ("ours", total_ms(ours), total_ms(ours, surface=True), *errors_of(ours)),
        ("ours, detector in fp32", total_ms(peer), total_ms(peer, surface=True), *errors_of(peer)),
        ("fp32, aniposelib, Open3D", theirs, theirs_whole, *theirs_off),
    ]
    mine = [float(np.median(each)) for each in chains[0][1:3]]
    titles = "chain | to joints, ms | ours takes | with surface, ms | ours takes | visible, mm | hidden, mm"
    lines = ["", f"| {titles} |", "|---" * 7 + "|"]
    for name, joints, whole, visible, unseen in chains:
        cells = [name]
        for own, times in zip(mine, (joints, whole), strict=True):
            took = float(np.median(times))
            cells += [f"{took:.2f}", "" if name == "ours" else f"{own / took:.2f} x"]
        lines.append(f"| {' | '.join([*cells, visible, unseen])} |")
    return [*lines, "", "Times and errors are medians."]


def errors_of(of: Run) -> tuple[str, str]:
    return f"{np.median(of.visible_mm):.2f}", f"{np.median(of.hidden_mm):.2f}"


def others(peer: Run, depths: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return aniposelib's joints and times and Open3D's times, frame set by frame set."""
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "given.npz", Path(folder) / "got.npz"
        np.savez(
            given,
            pixels=np.array(peer.pixels),
            detected=np.array(peer.detected),
            lens=RIG.camera.lens,
            camera_from_world=RIG.camera_from_world,
            voxel_m=VOXEL_M,
            allow_pickle=False,
            **depths,
        )
        script = Path(__file__).with_name("chain_peer.py")
        environment = os.environ | dict.fromkeys(THREADS, "1")
        subprocess.run([str(PYTHON), str(script), str(given), str(got)], check=True, env=environment)
        return dict(np.load(got))
