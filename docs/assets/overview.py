"""Draw a recording and its reconstruction: `python docs/assets/overview.py RECORDING JOINTS.npz PICTURE.png`.

RECORDING is a folder with detections.npz, rig.toml and truth.npz, as datasets/simulated/prepare.py writes it.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D

from mvmono3d.core.detections_file import read_detections
from mvmono3d.core.observations import Observations
from mvmono3d.core.reconstruction_file import read_reconstruction, read_trajectory
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction, Trajectory
from mvmono3d.geometry.projection import project

FINGERS = {"thumb": "#c44536", "index": "#2e6f95", "middle": "#4c956c", "ring": "#8d6a9f", "pinky": "#d98e04"}
GREY, TRUTH, REFUSED = "#555555", "#bbbbbb", "#d00000"
CHI2_90 = {1: 2.706, 3: 6.251}


@dataclass(frozen=True, kw_only=True)
class Take:
    """A recording, its truth, and what was made of it."""

    seen: Observations
    rig: Rig
    skeleton: Skeleton
    truth: Trajectory
    result: Reconstruction


def main() -> None:
    """Read the files and draw four views, the world, and one joint over time."""
    parser = argparse.ArgumentParser(description="Draw a recording and its reconstruction.")
    parser.add_argument("recording", type=Path)
    parser.add_argument("joints", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--frame", type=int, default=159)
    parser.add_argument("--joint", default="index_tip")
    chosen = parser.parse_args()
    detections = read_detections(chosen.recording / "detections.npz")
    skeleton = load_skeleton(detections.skeleton)
    take = Take(
        seen=detections.observations,
        rig=read_rig(chosen.recording / "rig.toml"),
        skeleton=skeleton,
        truth=read_trajectory(chosen.recording / "truth.npz", skeleton),
        result=read_reconstruction(chosen.joints, skeleton),
    )
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    grid = figure.add_gridspec(3, 4, height_ratios=[1, 1, 0.72], width_ratios=[1, 1, 1.1, 1.1])
    for view in range(4):
        draw_view(figure.add_subplot(grid[view // 2, view % 2]), take, view, frame=chosen.frame)
    draw_world(figure.add_subplot(grid[:2, 2:], projection="3d"), take, frame=chosen.frame)
    draw_time(figure.add_subplot(grid[2, :]), take, skeleton.index(chosen.joint), frame=chosen.frame)
    figure.savefig(chosen.picture, dpi=110)


def colour(joint: str) -> str:
    """Return the colour of a joint's finger."""
    return next((value for finger, value in FINGERS.items() if joint.startswith(finger)), GREY)


def draw_view(axes: Axes, take: Take, view: int, *, frame: int) -> None:
    """Draw what a camera detected over the skeleton that was reconstructed."""
    seen, rig, skeleton, result = take.seen, take.rig, take.skeleton, take.result
    points = np.asarray(result.trajectory.points_world[frame], dtype=np.float64)
    camera = np.asarray(rig.camera_from_world, dtype=np.float64)
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    projected = np.asarray(project(points, lens=lens, camera_from_world=camera).pixels)[view]
    for parent, child in skeleton.bones:
        axes.plot(*projected[[parent, child]].T, color="#999999", linewidth=1.0, zorder=1)
    detected = np.asarray(seen.detected[frame, view])
    weights = np.asarray(result.weights[frame, view])
    pixels = np.asarray(seen.pixels[frame, view])
    for joint in np.flatnonzero(detected).tolist():
        if weights[joint] > 0.02:
            axes.plot(*pixels[joint], "o", color=colour(skeleton.joints[joint]), markersize=4, zorder=3)
        else:
            axes.plot(*pixels[joint], "x", color=REFUSED, markersize=6, markeredgewidth=1.6, zorder=4)
    inside = np.concatenate([projected, pixels[detected]])
    low, high = inside.min(axis=0), inside.max(axis=0)
    centre, half = (low + high) / 2, 0.56 * (high - low).max()
    axes.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] + half, centre[1] - half))
    axes.set(xticks=[], yticks=[], aspect="equal", facecolor="#f4f4f4")
    lost = len(detected) - int(detected.sum())
    axes.set_title(f"{rig.names[view]}: {lost} of {len(detected)} joints undetected", fontsize=8.5)


def draw_world(axes: Axes3D, take: Take, *, frame: int) -> None:
    """Draw the reconstructed joints with their ellipsoids over the true ones."""
    skeleton, trajectory, truth = take.skeleton, take.result.trajectory, take.truth
    points, true = np.asarray(trajectory.points_world[frame]), np.asarray(truth.points_world[frame])
    present = np.asarray(trajectory.source[frame]) != PointSource.MISSING
    for parent, child in skeleton.bones:
        axes.plot(*true[[parent, child]].T, color=TRUTH, linewidth=5, solid_capstyle="round", zorder=1)
        if present[parent] and present[child]:
            axes.plot(*points[[parent, child]].T, color=colour(skeleton.joints[child]), linewidth=2)
    for joint in np.flatnonzero(present).tolist():
        surface = ellipsoid(np.asarray(trajectory.covariance_world[frame, joint], dtype=np.float64))
        x, y, z = surface + points[joint][:, None, None]
        axes.plot_surface(x, y, z, color=colour(skeleton.joints[joint]), alpha=0.22, linewidth=0)
    middle, half = true.mean(axis=0), 0.5 * np.ptp(true, axis=0).max() * 1.05
    axes.set(**{f"{axis}lim": (m - half, m + half) for axis, m in zip("xyz", middle, strict=True)})
    axes.set_box_aspect((1, 1, 1), zoom=1.18)
    axes.view_init(elev=22, azim=best_azimuth(true))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4))
    axes.set(xticklabels=[], yticklabels=[], zticklabels=[])
    axes.set_title("3D joints with 90 % ellipsoids; truth in grey", fontsize=10, y=1.0)


def ellipsoid(covariance: np.ndarray) -> np.ndarray:
    """Return the surface (3 u v) that holds 90 % of a normal distribution."""
    u, v = np.mgrid[0 : 2 * np.pi : 17j, 0 : np.pi : 9j]
    ball = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)])
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0) * CHI2_90[3])
    return np.tensordot(root, ball, axes=1)


def best_azimuth(points: np.ndarray) -> float:
    """Return the azimuth (deg) that looks across the points."""
    x, y, _ = np.linalg.svd(points - points.mean(axis=0))[2][2]
    return float(np.degrees(np.arctan2(y, x)))


def draw_time(axes: Axes, take: Take, joint: int, *, frame: int) -> None:
    """Draw a joint's error in height within its stated interval."""
    trajectory, truth = take.result.trajectory, take.truth
    time_s = 1e-9 * (np.asarray(trajectory.time_ns) - trajectory.time_ns[0])
    height, true = (np.asarray(each.points_world)[:, joint, 2] for each in (trajectory, truth))
    bound = 1e3 * np.sqrt(np.asarray(trajectory.covariance_world)[:, joint, 2, 2] * CHI2_90[1])
    present = np.asarray(trajectory.source)[:, joint] != PointSource.MISSING
    views = np.asarray(take.seen.detected)[:, :, joint].sum(axis=1)
    name = take.skeleton.joints[joint]
    shade = {"color": colour(name), "alpha": 0.25, "linewidth": 0}
    axes.fill_between(time_s, -bound, bound, where=present, label="stated 90 % interval", **shade)
    error = np.ma.masked_where(~present, 1e3 * (height - true))
    axes.plot(time_s, error, color=colour(name), linewidth=1.4, label="error")
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.fill_between(
        time_s, 0, 0.09, where=views < 3, transform=axes.get_xaxis_transform(), color=REFUSED, alpha=0.5,
        step="mid", linewidth=0, label="fewer than 3 detections",
    )  # fmt: skip
    axes.axvline(time_s[frame], color=GREY, linestyle=":", linewidth=1)
    axes.set(xlim=(0, time_s[-1]), xlabel="s", ylabel=f"{name}, height, mm")
    top = 1.75 * float(np.quantile(bound[present], 0.98))
    axes.set(ylim=(-top, top))
    axes.legend(ncol=3, fontsize=8, loc="upper right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
