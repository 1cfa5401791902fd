"""Draw one frame: a panel per shot, the cameras from above, and a curve over time."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection

from mvmono3d.core.clip import Clip
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.evaluation.animation.shots import TRUTH, Framing, Shot
from mvmono3d.evaluation.colours import colours_of
from mvmono3d.evaluation.figures import plain_log
from mvmono3d.geometry.rigid import camera_centres

GHOST, INK, DEAD = "#d2d2d2", "#444444", "#c9c9c9"
_SIGMAS = 2.0
_ELEVATION_RAD = 0.22
_WEDGE_RAD, _WEDGE_SHARE = 0.26, 0.30


def shades_of(shots: Sequence[Shot]) -> dict[str, str]:
    """Return the colours of shots: dark for the truth, as in the other figures for methods."""
    return {TRUTH: INK} | colours_of(shot.name for shot in _methods(shots))


def towards_viewer(azimuth_rad: float) -> Float[np.ndarray, "2 3"]:
    """Return the axes (right, up) of a picture seen from that side, a little from above."""
    right = np.array([-np.sin(azimuth_rad), np.cos(azimuth_rad), 0.0])
    outward = np.array(
        [
            np.cos(azimuth_rad) * np.cos(_ELEVATION_RAD),
            np.sin(azimuth_rad) * np.cos(_ELEVATION_RAD),
            np.sin(_ELEVATION_RAD),
        ]
    )
    return np.stack([right, np.cross(outward, right)])


def draw_panel(
    axes: Axes,
    shot: Shot,
    *,
    ghost: Shot | None,
    skeleton: Skeleton,
    framing: Framing,
    frame: int,
    azimuth_rad: float,
    shade: str,
) -> None:
    """Draw a shot's skeleton, the truth as its ghost: hidden joints hollow, their bones dashed."""
    axes.clear()
    axes.set_axis_off()
    axes.set_aspect("equal")
    half = framing.half_m
    axes.set(xlim=(-half, half), ylim=(-half, half))
    axes.set_title(shot.name, fontsize=11, color=shade, fontweight="bold", pad=2)
    looking = towards_viewer(azimuth_rad)
    if ghost is not None and ghost is not shot:
        flat = (ghost.points_world[frame] - framing.centre_world[frame]) @ looking.T
        _bones(axes, flat, ghost.present[frame], skeleton, GHOST, 3.4, "solid")
    flat = (shot.points_world[frame] - framing.centre_world[frame]) @ looking.T
    present, seen = np.asarray(shot.present[frame]), np.asarray(shot.seen[frame])
    _ellipses(axes, flat[present], looking @ shot.covariance_world[frame][present] @ looking.T, shade)
    firm = _by_ends(skeleton, seen)
    loose = _by_ends(skeleton, present) & ~firm
    _bones(axes, flat, present, skeleton, shade, 1.5, "solid", keep=firm)
    _bones(axes, flat, present, skeleton, shade, 1.1, (0, (2.2, 1.6)), keep=loose)
    for chosen, face in ((present & seen, shade), (present & ~seen, "white")):
        axes.scatter(*flat[chosen].T, s=11, facecolors=face, edgecolors=shade, linewidths=0.9, zorder=4)


def draw_cameras(axes: Axes, clip: Clip, *, framing: Framing, frame: int) -> None:
    """Draw the rig from above: who looks where, who sees nothing in this frame, and where the actor is."""
    axes.clear()
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_title("cameras from above", fontsize=8, color=INK, pad=2)
    centres, forward = _plan(clip.rig)
    actor = framing.centre_world[frame, :2]
    middle = framing.centre_world[:, :2].mean(axis=0)
    reach = 1.35 * float(np.abs(centres - middle).max(initial=framing.half_m))
    axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    alive = np.any(clip.observations.detected[frame], axis=-1)
    for view, (centre, direction) in enumerate(zip(centres, forward, strict=True)):
        shade = INK if alive[view] else DEAD
        angles = np.arctan2(direction[1], direction[0]) + np.array([-_WEDGE_RAD, _WEDGE_RAD])
        edge = centre + _WEDGE_SHARE * reach * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        axes.fill(*np.stack([centre, *edge]).T, color=shade, alpha=0.25 if alive[view] else 0.12, linewidth=0)
        axes.plot(*centre, "o", color=shade, markersize=4)
    axes.plot(*actor, "o", color=INK, markersize=6, markerfacecolor="white")


def draw_curves(
    axes: Axes, shots: Sequence[Shot], *, hidden: np.ndarray | None, seconds: np.ndarray, error: bool
) -> None:
    """Draw the curves of all methods, and what share of the joints is hidden."""
    shades = shades_of(shots)
    for shot in _methods(shots):
        if shot.curve_mm is not None:
            shown = np.maximum(shot.curve_mm, 1e-2)
            axes.plot(seconds, shown, color=shades[shot.name], linewidth=1.2, label=shot.name)
    plain_log(axes)
    axes.set_xlim(seconds[0], max(seconds[-1], seconds[0] + 1e-3))
    axes.set_title(
        "mean error, mm" if error else "stated sigma, mm", fontsize=8, color=INK, loc="left", pad=3
    )
    axes.tick_params(labelsize=7, colors=INK, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("seconds", fontsize=7, color=INK, labelpad=1)
    if hidden is not None and hidden.any():
        behind = axes.twinx()
        behind.fill_between(seconds, hidden, color="#edae49", alpha=0.25, linewidth=0, step="mid")
        behind.set(ylim=(0, 1), yticks=[])
        behind.spines[["top", "right", "left"]].set_visible(False)
        axes.set_title("shaded: share of joints that fewer than 2 views see", fontsize=8, color="#b07d1e",
                       loc="right", pad=3)  # fmt: skip
        axes.set_zorder(behind.get_zorder() + 1)
        axes.patch.set_visible(False)


def _methods(shots: Sequence[Shot]) -> list[Shot]:
    return [shot for shot in shots if shot.name != TRUTH]


def _by_ends(skeleton: Skeleton, joints: np.ndarray) -> np.ndarray:
    return np.array([joints[parent] and joints[child] for parent, child in skeleton.bones], dtype=bool)


def _bones(
    axes: Axes,
    flat: np.ndarray,
    present: np.ndarray,
    skeleton: Skeleton,
    shade: str,
    width: float,
    style: str | tuple[int, tuple[float, float]],
    *,
    keep: np.ndarray | None = None,
) -> None:
    ends = np.array(skeleton.bones, dtype=np.int64).reshape(-1, 2)
    chosen = _by_ends(skeleton, present) if keep is None else keep
    lines = LineCollection(
        list(flat[ends[chosen]]), colors=shade, linewidths=width, linestyles=[style], capstyle="round"
    )
    axes.add_collection(lines, autolim=False)


def _ellipses(axes: Axes, flat: np.ndarray, covariance: np.ndarray, shade: str) -> None:
    if not len(flat):
        return
    variances, directions = np.linalg.eigh(covariance)
    size = 2.0 * _SIGMAS * np.sqrt(np.maximum(variances, 0.0))
    angle = np.degrees(np.arctan2(directions[:, 1, 1], directions[:, 0, 1]))
    axes.add_collection(
        EllipseCollection(
            size[:, 1],
            size[:, 0],
            angle,
            units="xy",
            offsets=flat,
            offset_transform=axes.transData,
            facecolors=shade,
            alpha=0.13,
            linewidths=0,
        ),
        autolim=False,
    )


def _plan(rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    pose = np.asarray(rig.camera_from_world, dtype=np.float64)
    return np.asarray(camera_centres(pose))[:, :2], pose[:, 2, :2]
