"""Make an animated GIF of truth and methods side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mvmono3d.core.clip import Clip
from mvmono3d.core.schema import atomic_write
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.errors import ConfigurationError
from mvmono3d.evaluation.animation.drawing import draw_cameras, draw_curves, draw_panel, shades_of
from mvmono3d.evaluation.animation.shots import TRUTH, Framing, Shot, framing_of, hidden_share, shots_of

PICTURES_PER_SECOND = 12.5
"""A GIF counts time in hundredths of a second: 8 each."""
_COLOURS = 48
_DPI = 115
_SWING_RAD = 0.45
_CAPTION = (
    "hollow, dashed: not seen (truth: by fewer than 2 views; methods: filled in)    shaded: 2 sigma    "
    "grey: truth"
)


def animate(
    path: Path, clip: Clip, reconstructions: Mapping[str, Reconstruction], *, title: str = ""
) -> None:
    """Write an animated GIF in real time, `PICTURES_PER_SECOND` or the clip's own rate if that is lower.

    Raises `ConfigurationError` for a path that is no .gif.
    """
    if path.suffix.lower() != ".gif":
        raise ConfigurationError(f"{path}: expected a name that ends in .gif")
    film = _Film(clip, shots_of(clip, reconstructions), title=title)
    pictures = [film.picture(frame) for frame in film.frames]
    palette = _palette(pictures)
    flat = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    with atomic_write(path) as file:
        flat[0].save(
            file,
            format="GIF",
            save_all=True,
            append_images=flat[1:],
            duration=round(1e3 * film.seconds_per_picture / 10) * 10,
            loop=0,
        )


class _Film:
    """A figure that is laid out once and drawn frame by frame."""

    def __init__(self, clip: Clip, shots: Sequence[Shot], *, title: str) -> None:
        self._clip, self._shots, self._shades = clip, shots, shades_of(shots)
        self._ghost = next((shot for shot in shots if shot.name == TRUTH), None)
        self._framing: Framing = framing_of(self._ghost or shots[0])
        time_ns = np.asarray(clip.observations.time_ns)
        self._seconds = 1e-9 * (time_ns - time_ns[0])
        step = float(np.median(np.diff(self._seconds))) if len(time_ns) > 1 else 1.0
        stride = max(1, round(1.0 / (PICTURES_PER_SECOND * step)))
        self.frames = range(0, len(time_ns), stride)
        self.seconds_per_picture = stride * step
        self._figure = Figure(figsize=(max(2.05 * len(shots), 6.2), 3.9), dpi=_DPI)
        self._canvas = FigureCanvasAgg(self._figure)
        self._panels, self._map, curves = self._lay_out(len(shots))
        draw_curves(
            curves, shots, hidden=hidden_share(clip), seconds=self._seconds, error=self._ghost is not None
        )
        self._cursor = curves.axvline(0.0, color="#444444", linewidth=0.8)
        self._figure.text(0.5, 0.985, title, fontsize=8, color="#666666", va="top", ha="center")
        self._figure.text(0.5, 0.012, _CAPTION, fontsize=6.8, color="#666666", ha="center")

    def picture(self, frame: int) -> Image.Image:
        """Draw one frame; the side that it is seen from swings to and fro once in the whole clip."""
        turn = 2.0 * np.pi * frame / max(len(self._seconds), 1)
        for axes, shot in zip(self._panels, self._shots, strict=True):
            draw_panel(
                axes,
                shot,
                ghost=self._ghost,
                skeleton=self._clip.skeleton,
                framing=self._framing,
                frame=frame,
                azimuth_rad=self._side() + _SWING_RAD * float(np.sin(turn)),
                shade=self._shades[shot.name],
            )
        draw_cameras(self._map, self._clip, framing=self._framing, frame=frame)
        self._cursor.set_xdata([self._seconds[frame]] * 2)
        self._canvas.draw()
        return Image.fromarray(np.asarray(self._canvas.buffer_rgba())[..., :3].copy())

    def _lay_out(self, panels: int) -> tuple[list[Axes], Axes, Axes]:
        width = 1.0 / panels
        above = [self._figure.add_axes((place * width, 0.36, width, 0.54)) for place in range(panels)]
        below = self._figure.add_axes((0.01, 0.06, 0.20, 0.27))
        return above, below, self._figure.add_axes((0.29, 0.145, 0.69, 0.18))

    def _side(self) -> float:
        # From where the first camera stands: a side that somebody has seen the actor from.
        pose = np.asarray(self._clip.rig.camera_from_world[0], dtype=np.float64)
        towards = -pose[2, :2]
        return float(np.arctan2(towards[1], towards[0]))


def _palette(pictures: Sequence[Image.Image]) -> Image.Image:
    chosen = [pictures[round(place)] for place in np.linspace(0, len(pictures) - 1, min(4, len(pictures)))]
    sheet = Image.fromarray(np.concatenate([np.asarray(picture) for picture in chosen]))
    return sheet.quantize(colors=_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
