"""Pictures of a reconstruction: which camera disagrees about which joint, and the skeleton itself."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D

from mvmono3d.core.schema import atomic_write
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction

_LEFT, _RIGHT, _MIDDLE, _IMPUTED = "#d1495b", "#2e6f95", "#444444", "#edae49"


def plot_reprojection(
    path: Path,
    reconstruction: Reconstruction,
    *,
    skeleton: Skeleton,
    names: tuple[str, ...],
    detected: np.ndarray,
) -> None:
    """Draw the median distance from detection to projected joint, camera × joint, as a heat map."""
    solved = np.asarray(reconstruction.trajectory.source) == PointSource.MEASURED
    judged = detected & solved[:, None]
    error_px = np.asarray(reconstruction.reprojection_px)
    count = judged.sum(axis=0)
    sorted_px = np.sort(np.where(judged, error_px, np.inf), axis=0)
    middle = np.take_along_axis(sorted_px, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
    table = np.ma.masked_where(count == 0, np.where(count == 0, 0.0, middle))
    figure = Figure(figsize=(2.5 + 0.45 * table.shape[1], 2.4 + 0.42 * table.shape[0]), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("#e8e8e8")
    top = float(np.quantile(table.compressed(), 0.95)) if count.any() else 1.0
    image = axes.imshow(table, cmap="viridis", vmin=0.0, vmax=max(top, 1e-9), aspect="auto")
    _write_values(axes, table, top)
    axes.set_xticks(range(table.shape[1]), skeleton.joints, rotation=55, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(table.shape[0]), names)
    axes.set_title("Median reprojection error in px; grey: never detected or never solved", fontsize=10)
    figure.colorbar(image, ax=axes, label="px", pad=0.01)
    _save(figure, path)


def _write_values(axes: Axes, table: np.ma.MaskedArray, top: float) -> None:
    for row, column in np.argwhere(~np.ma.getmaskarray(table)):
        value = float(table[row, column])
        colour = "black" if value > 0.6 * top else "white"
        text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def plot_skeleton(
    path: Path, reconstruction: Reconstruction, *, skeleton: Skeleton, frames: Sequence[int] | None = None
) -> None:
    """Draw the skeleton in 3D at some frames (by default four spread over those with most joints)."""
    source = np.asarray(reconstruction.trajectory.source)
    points = np.asarray(reconstruction.trajectory.points_world, dtype=np.float64)
    chosen = list(frames) if frames is not None else _representative(source)
    shown = [points[frame][source[frame] != PointSource.MISSING] for frame in chosen]
    half = max((_half_size(actor) for actor in shown), default=1.0)
    elevation, azimuth = _broadside(shown)
    figure = Figure(figsize=(3.6 * len(chosen), 4.2), layout="constrained")
    for place, (frame, actor) in enumerate(zip(chosen, shown, strict=True), start=1):
        axes = figure.add_subplot(1, len(chosen), place, projection="3d")
        axes.view_init(elev=elevation, azim=azimuth)
        _draw(axes, points[frame], source[frame], skeleton)
        _set_cube(axes, actor, half)
        missing = len(skeleton.joints) - len(actor)
        axes.set_title(f"frame {frame}" + (f", {missing} joints missing" if missing else ""), fontsize=10)
    figure.suptitle(
        "Skeleton in the world, metres (left red, right blue, imputed joints yellow)", fontsize=11
    )
    _save(figure, path)


def _representative(source: np.ndarray) -> list[int]:
    quarters = np.array_split(np.arange(len(source)), min(4, len(source)))
    return [int(part[np.argmax((source[part] != PointSource.MISSING).sum(axis=1))]) for part in quarters]


def _draw(axes: Axes3D, points: np.ndarray, source: np.ndarray, skeleton: Skeleton) -> None:
    present = source != PointSource.MISSING
    for parent, child in skeleton.bones:
        if present[parent] and present[child]:
            colour = _colour(skeleton.joints[child], skeleton.mirror[child] == child)
            axes.plot(*points[[parent, child]].T, color=colour, linewidth=2.2, solid_capstyle="round")
    for joint in np.flatnonzero(present).tolist():
        imputed = source[joint] == PointSource.IMPUTED
        colour = _IMPUTED if imputed else _colour(skeleton.joints[joint], skeleton.mirror[joint] == joint)
        axes.plot(*points[joint][:, None], "o", color=colour, markersize=5 if imputed else 3)


def _colour(joint: str, midline: bool) -> str:
    if midline:
        return _MIDDLE
    return _RIGHT if "right" in joint.lower() or joint.endswith(("_R", "_r")) else _LEFT


def _half_size(actor: Float[np.ndarray, "point 3"]) -> float:
    # Quantiles: one wild joint must not shrink the actor to a dot.
    spread = np.quantile(actor, 0.98, axis=0) - np.quantile(actor, 0.02, axis=0) if len(actor) else np.ones(3)
    return 0.55 * max(float(spread.max()), 1e-6)


def _broadside(actors: list[np.ndarray]) -> tuple[float, float]:
    """Return elevation and azimuth (deg) that look across the actor: along its thinnest direction."""
    centred = [actor - np.median(actor, axis=0) for actor in actors if len(actor)]
    if not centred:
        return 15.0, -60.0
    x, y, z = np.linalg.svd(np.concatenate(centred), full_matrices=False)[2][2]
    x, y, z = (x, y, z) if z >= 0 else (-x, -y, -z)
    elevation = float(np.degrees(np.arcsin(min(z, 1.0))))
    # A little aside, for depth; never straight down, where the floor's axes coincide.
    return float(np.clip(elevation, 12.0, 60.0)), float(np.degrees(np.arctan2(y, x))) + 20.0


def _set_cube(axes: Axes3D, actor: Float[np.ndarray, "point 3"], half: float) -> None:
    centre = (actor.min(axis=0) + actor.max(axis=0)) / 2 if len(actor) else np.zeros(3)
    limits = [(float(c) - half, float(c) + half) for c in centre]
    axes.set(xlim=limits[0], ylim=limits[1], zlim=limits[2], xlabel="x", ylabel="y", zlabel="z")
    axes.set_box_aspect((1, 1, 1))
    axes.tick_params(labelsize=7)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4))


def _save(figure: Figure, path: Path) -> None:
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=130)
