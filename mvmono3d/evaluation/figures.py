"""Pictures of a comparison: is the covariance honest, and what does hiding a joint cost."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from mpl_toolkits.mplot3d import Axes3D

from mvmono3d.core.clip import Clip
from mvmono3d.core.schema import atomic_write
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.evaluation.colours import colours_of
from mvmono3d.evaluation.compare import Comparison, MethodScores
from mvmono3d.evaluation.score import UNSEEN_BINS
from mvmono3d.geometry.projection import project

_TRUTH, _ANSWER, _IMPUTED = "#bbbbbb", "#2e6f95", "#edae49"


def save_figures(folder: Path, comparison: Comparison) -> list[Path]:
    """Write reliability.png, visible_views.png and unseen.png; those without data are left out."""
    drawn = {
        "reliability.png": draw_reliability(comparison),
        "visible_views.png": draw_groups(comparison, groups="by_views_mm"),
        "unseen.png": draw_groups(comparison, groups="by_unseen_mm"),
    }
    paths = [folder / name for name, figure in drawn.items() if figure is not None]
    for path in paths:
        figure = drawn[path.name]
        if figure is not None:
            save(figure, path)
    return paths


def draw_reliability(comparison: Comparison) -> Figure | None:
    """Draw how often the truth lies in the region of a stated probability; the diagonal is honest."""
    curves = [(method, _curve(method)) for method in comparison.methods]
    if all(curve is None for _, curve in curves):
        return None
    figure = Figure(figsize=(5.2, 4.8), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="honest")
    shades = colours_of(method.name for method in comparison.methods)
    for method, curve in curves:
        if curve is not None:
            axes.plot(*curve, color=shades[method.name], marker="o", markersize=3, label=method.name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="stated probability", ylabel="observed share of truths inside")
    axes.set_aspect("equal")
    axes.set_title("Is the covariance honest? Below the diagonal: too sure of itself", fontsize=10)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def draw_groups(comparison: Comparison, *, groups: str) -> Figure | None:
    """Draw the mean error by truly visible views ("by_views_mm") or by frames unseen ("by_unseen_mm")."""
    values = [method.mean_of(groups) for method in comparison.methods]
    width = max((len(row) for row in values), default=0)
    if width == 0:
        return None
    by_views = groups == "by_views_mm"
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    shades = colours_of(method.name for method in comparison.methods)
    for method, row in zip(comparison.methods, values, strict=True):
        known = [(group, value) for group, value in enumerate(row) if value is not None and value > 0]
        if known:
            axes.plot(*zip(*known, strict=True), color=shades[method.name], marker="o", label=method.name)
    titles = (
        [str(count) for count in range(width)] if by_views else [bin_title(*each) for each in UNSEEN_BINS]
    )
    axes.set_xticks(range(width), titles[:width])
    plain_log(axes)
    axes.grid(axis="y", which="both", color="#eeeeee")
    axes.set_ylabel("mean error in mm (last answer held)")
    axes.set_xlabel(
        "views that truly see the joint" if by_views else "frames since two views or more truly saw the joint"
    )
    axes.legend(frameon=False, fontsize=9)
    return figure


def draw_actor(clip: Clip, reconstruction: Reconstruction, *, frame: int) -> Figure:
    """Draw truth (grey) and answer (blue; imputed joints yellow) in 3D, with ellipsoid axes of 2 sigma."""
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    trajectory = reconstruction.trajectory
    points, source = np.asarray(trajectory.points_world[frame]), np.asarray(trajectory.source[frame])
    answered = source != PointSource.MISSING
    shown = points[answered]
    if clip.truth is not None:
        truth = np.asarray(clip.truth.points_world[frame])
        wanted = np.asarray(clip.truth.source[frame]) != PointSource.MISSING
        _bones(axes, truth, wanted, clip.skeleton, _TRUTH, 4.0)
        shown = np.concatenate([shown, truth[wanted]])
    _bones(axes, points, answered, clip.skeleton, _ANSWER, 1.8)
    for joint in np.flatnonzero(answered):
        colour = _IMPUTED if source[joint] == PointSource.IMPUTED else _ANSWER
        axes.plot(*points[joint][:, None], "o", color=colour, markersize=4)
        _sigma_axes(axes, points[joint], np.asarray(trajectory.covariance_world[frame, joint]), colour)
    _cube(axes, shown)
    axes.set_title(
        f"frame {frame}: truth grey, measured blue, imputed yellow, bars two sigmas (m)", fontsize=10
    )
    return figure


def draw_overlay(clip: Clip, reconstruction: Reconstruction, *, frame: int) -> Figure:
    """Draw detections (grey crosses) and the projected skeleton (blue) in every view of one frame."""
    names, size = clip.rig.names, np.asarray(clip.rig.camera.size_px)
    points = np.asarray(reconstruction.trajectory.points_world[frame], dtype=np.float64)
    present = np.asarray(reconstruction.trajectory.source[frame]) != PointSource.MISSING
    placed = project(
        points,
        lens=np.asarray(clip.rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(clip.rig.camera_from_world, dtype=np.float64),
    )
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.8 * rows), layout="constrained")
    for view, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, view + 1)
        _overlay(axes, clip, placed.pixels[view], present & placed.in_front[view], frame=frame, view=view)
        axes.set(xlim=(0, size[view, 0]), ylim=(size[view, 1], 0), title=name)
        axes.set_aspect("equal")
        axes.tick_params(labelsize=7)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=130)


def _curve(method: MethodScores) -> tuple[list[float], list[float]] | None:
    curves = [np.array(each.reliability) for each in method.scores if each.reliability is not None]
    if not curves:
        return None
    mean = np.mean(curves, axis=0)
    return mean[:, 0].tolist(), mean[:, 1].tolist()


def plain_log(axes: Axes) -> None:
    """Make the y axis logarithmic, with numbers that people read: 1, 2, 5, 10."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def bin_title(first: int, last: int) -> str:
    """Return how a bin of `UNSEEN_BINS` is called."""
    if first == last:
        return str(first)
    return f"{first}+" if last > 10**6 else f"{first}-{last}"


def _bones(
    axes: Axes3D, points: np.ndarray, present: np.ndarray, skeleton: Skeleton, colour: str, width: float
) -> None:
    for parent, child in skeleton.bones:
        if present[parent] and present[child]:
            axes.plot(*points[[parent, child]].T, color=colour, linewidth=width, solid_capstyle="round")


def _sigma_axes(axes: Axes3D, centre: np.ndarray, covariance: np.ndarray, colour: str) -> None:
    variances, directions = np.linalg.eigh(covariance)
    for variance, direction in zip(np.maximum(variances, 0.0), directions.T, strict=True):
        reach = 2.0 * np.sqrt(variance) * direction
        axes.plot(*np.stack([centre - reach, centre + reach]).T, color=colour, linewidth=0.7, alpha=0.7)


def _cube(axes: Axes3D, points: np.ndarray) -> None:
    if not len(points):
        return
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    half = 0.55 * max(float((points.max(axis=0) - points.min(axis=0)).max()), 1e-3)
    axes.set(
        xlim=(centre[0] - half, centre[0] + half),
        ylim=(centre[1] - half, centre[1] + half),
        zlim=(centre[2] - half, centre[2] + half),
    )
    axes.set_box_aspect((1, 1, 1))


def _overlay(
    axes: Axes, clip: Clip, pixels: np.ndarray, present: np.ndarray, *, frame: int, view: int
) -> None:
    for parent, child in clip.skeleton.bones:
        if present[parent] and present[child]:
            axes.plot(*pixels[[parent, child]].T, color=_ANSWER, linewidth=1.4)
    seen = np.asarray(clip.observations.detected[frame, view])
    axes.plot(*np.asarray(clip.observations.pixels[frame, view])[seen].T, "x", color="#555555", markersize=4)
