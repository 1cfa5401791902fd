"""Pictures of a calibration: coverage, residual arrows, the rig in space, the expected error."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from mvmono3d.calibration.coverage import Coverage
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration
from mvmono3d.calibration.time_offsets import TimeOffsets
from mvmono3d.core.array import Array
from mvmono3d.geometry.rigid import invert, transform_points

_COLUMNS = 4
_PANEL = (3.1, 2.7)
_MOST_ARROWS = 700
_ARROW_SHARE = 0.03
"""Length of a typical arrow over the image's width."""
_MOST_BOARDS = 40
_COLOURS = ("#2e6f95", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#00798c", "#b5651d", "#444444")


def draw_coverage(covered: Coverage, sightings: BoardSightings) -> Figure:
    """Draw how many boards lay over each part of each image."""
    figure, panels = _panels(len(sightings.cameras))
    most = max(int(covered.boards.max()), 1)
    image = None
    for view, axes in enumerate(panels):
        width, height = (int(side) for side in sightings.size_px[view])
        boards = np.ma.masked_equal(covered.boards[view], 0)
        axes.set_facecolor("#f3d9dc")
        image = axes.imshow(
            boards, extent=(0, width, height, 0), vmin=0, vmax=most, cmap="viridis", interpolation="nearest"
        )
        _as_image(axes, width, height)
        axes.set_title(f"{sightings.cameras[view]}: {100 * covered.share[view]:.0f} %", fontsize=9)
    if image is not None:
        bar = figure.colorbar(image, ax=list(panels), pad=0.01, fraction=0.02)
        bar.set_label("boards over this part; pink: none", fontsize=8)
        bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_residuals(found: Calibration, sightings: BoardSightings) -> Figure:
    """Draw where corners lie from where the rig expects them, enlarged."""
    figure, panels = _panels(len(sightings.cameras))
    for view, axes in enumerate(panels):
        width, height = (int(side) for side in sightings.size_px[view])
        typical = float(np.sqrt(2.0) * found.sigma_px[view])
        scale = _ARROW_SHARE * float(width) / typical
        for mask, colour, label in ((found.used, "#2e6f95", "used"), (found.outlier, "#d1495b", "left out")):
            mine = mask[:, view]
            at, away = sightings.pixels[:, view][mine], -found.residual_px[:, view][mine]
            chosen = np.linspace(0, len(at) - 1, min(len(at), _MOST_ARROWS)).round().astype(np.int64)
            away = np.clip(away, -4.0 * typical, 4.0 * typical)
            axes.quiver(
                *at[chosen].T, *(scale * away[chosen]).T,
                angles="xy", scale_units="xy", scale=1.0, width=0.003, color=colour, label=label,
            )  # fmt: skip
        _as_image(axes, width, height)
        axes.set_title(f"{sightings.cameras[view]}: enlarged {scale:.0f} times", fontsize=9)
    return figure


def draw_rig(found: Calibration, sightings: BoardSightings) -> Figure:
    """Draw the cameras and the boards in the world, from the side and from above."""
    figure = Figure(figsize=(12.0, 5.6), layout="constrained")
    centres = invert(found.rig.camera_from_world)[..., 3]
    boards = _outlines(found, sightings)
    everything = np.concatenate([centres, boards.reshape(-1, 3)])
    size = 0.12 * float(np.ptp(everything, axis=0).max())
    for place, (elevation, azimuth) in enumerate(((22.0, -60.0), (89.0, -90.0))):
        axes = figure.add_subplot(1, 2, place + 1, projection="3d")
        if not isinstance(axes, Axes3D):
            raise TypeError("expected 3D axes")
        axes.add_collection3d(Line3DCollection(list(boards), colors="#b8b8b8", linewidths=0.6))
        for view, name in enumerate(found.rig.names):
            colour = _COLOURS[view % len(_COLOURS)]
            lines = _pyramid(found, view, size)
            axes.add_collection3d(Line3DCollection(list(lines), colors=colour, linewidths=1.2))
            x, y, z = centres[view].tolist()
            axes.text(x, y, z, f" {name}", color=colour, fontsize=8)
        _equal_box(axes, np.concatenate([everything, np.zeros((1, 3))]))
        axes.view_init(elev=elevation, azim=azimuth)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("x (m)", fontsize=8)
        axes.set_ylabel("y (m)", fontsize=8)
        if elevation < 80.0:
            axes.set(zlabel="z (m)")
        else:
            axes.set(zticks=[])
    return figure


def draw_accuracy(found: Calibration) -> Figure:
    """Draw the 3D error to expect, over three heights of the volume that boards reached."""
    accuracy = found.accuracy
    points, error_mm = accuracy.points_world, 1e3 * np.asarray(accuracy.total_m)
    heights = np.unique(points[:, 2])
    chosen = heights[[0, len(heights) // 2, -1]] if len(heights) > 2 else heights
    figure = Figure(figsize=(4.0 * len(chosen), 3.6), layout="constrained")
    seen = np.asarray(accuracy.seen_by_two, dtype=bool)
    top = float(error_mm[seen].max()) if seen.any() else 1.0
    for place, height in enumerate(chosen):
        axes = figure.add_subplot(1, len(chosen), place + 1)
        mine = points[:, 2] == height
        _heat_map(axes, points[mine], np.where(seen, error_mm, -1.0)[mine], top=top)
        axes.set_title(f"z = {1e3 * height:.0f} mm", fontsize=9)
    return figure


def draw_offsets(offsets: TimeOffsets, cameras: tuple[str, ...]) -> Figure:
    """Draw the time offset of every camera with two standard deviations."""
    scale, unit = (1e3, "ms") if offsets.unit == "s" else (1.0, "frames")
    figure = Figure(figsize=(6.0, 0.8 + 0.35 * len(cameras)), layout="constrained")
    axes = figure.add_subplot()
    judged = np.flatnonzero(offsets.judged)
    axes.axvline(0.0, color="#999999", linewidth=0.8)
    axes.errorbar(
        scale * offsets.offset[judged], judged, xerr=2.0 * scale * offsets.sigma[judged],
        fmt="o", color="#2e6f95", capsize=3,
    )  # fmt: skip
    axes.set_yticks(range(len(cameras)), cameras)
    axes.set_ylim(len(cameras) - 0.5, -0.5)
    axes.set_xlabel(f"exposes later than the others ({unit}); bars: two standard deviations", fontsize=8)
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    figure = Figure(figsize=(_PANEL[0] * columns + 0.6, _PANEL[1] * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]


def _as_image(axes: Axes, width: int, height: int) -> None:
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    axes.set_xticks([0, width])
    axes.set_yticks([0, height])
    axes.tick_params(labelsize=7)


def _outlines(found: Calibration, sightings: BoardSightings) -> Float[Array, "board 5 3"]:
    low, high = sightings.corners_m.min(axis=0), sightings.corners_m.max(axis=0)
    outline = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    outline = np.concatenate([outline, outline[:1]])
    outline = np.concatenate([outline, np.zeros((5, 1))], axis=1)
    placed = np.flatnonzero(found.placed)
    chosen = placed[np.linspace(0, len(placed) - 1, min(len(placed), _MOST_BOARDS)).round().astype(np.int64)]
    return transform_points(found.world_from_board[chosen], outline)


def _pyramid(found: Calibration, view: int, size: float) -> Float[Array, "line 2 3"]:
    """Return the edges of a camera's field of view, `size` deep."""
    camera = found.rig.camera
    width, height = camera.size_px[view]
    pixels = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    rays = (pixels - camera.centre_px[view]) / camera.focal_px[view]
    base = size * np.concatenate([rays, np.ones((4, 1))], axis=1)
    tip = np.zeros((4, 3))
    lines = np.concatenate(
        [np.stack([tip, base], axis=1), np.stack([base, np.roll(base, -1, axis=0)], axis=1)]
    )
    return transform_points(invert(found.rig.camera_from_world[view]), lines.reshape(-1, 3)).reshape(-1, 2, 3)


def _equal_box(axes: Axes3D, points: Float[Array, "point 3"]) -> None:
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    half = 0.55 * float(np.ptp(points, axis=0).max())
    for setter, value in zip((axes.set_xlim, axes.set_ylim, axes.set_zlim), middle, strict=True):
        setter(value - half, value + half)
    axes.set_box_aspect((1.0, 1.0, 1.0))


def _heat_map(axes: Axes, points: Array, error_mm: Array, *, top: float) -> None:
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    table = np.full((len(y), len(x)), -1.0)
    table[np.searchsorted(y, points[:, 1]), np.searchsorted(x, points[:, 0])] = error_mm
    shown = np.ma.masked_less(table, 0.0)
    axes.set_facecolor("#e8e8e8")
    step_x, step_y = (float(np.diff(values).mean()) if len(values) > 1 else 1.0 for values in (x, y))
    extent = (x[0] - step_x / 2, x[-1] + step_x / 2, y[0] - step_y / 2, y[-1] + step_y / 2)
    axes.imshow(
        shown,
        origin="lower",
        extent=tuple(1e3 * value for value in extent),
        vmin=0.0,
        vmax=top,
        cmap="viridis",
    )
    for row, column in np.argwhere(~np.ma.getmaskarray(shown)):
        value = float(table[row, column])
        text = f"{value:.2f}" if value < 10.0 else f"{value:.0f}"
        colour = "black" if value > 0.6 * top else "white"
        place = 1e3 * float(x[column]), 1e3 * float(y[row])
        axes.text(*place, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xlabel("x (mm)", fontsize=8)
    axes.set_ylabel("y (mm)", fontsize=8)
    axes.tick_params(labelsize=7)
