"""Beside the scene: state of the stream, occlusion per view, curves of latency and reprojection."""

from collections import deque
from collections.abc import Sequence
from html import escape

import numpy as np
import viser

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.deploy.server.messages import Status
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.viewer.shapes import COVERED, IMPUTED_RGB, MEASURED_RGB, STATE_RGB

_NEWEST, _POINTS = 240, 2000
_RUNNING = "running"


def _css(colour: tuple[int, int, int]) -> str:
    return "rgb({},{},{})".format(*colour)


def legend_html() -> str:
    """Say what the colours mean."""
    states = ("visible", "hidden by the actor", "hidden by an object", "unknown")
    share = f"{COVERED:.0%}".replace("%", " %")
    return (
        "<div style='padding:0 1em;font-size:0.8em;line-height:1.5'>"
        f"<b>joints</b> {_marks(('measured', 'imputed'), (MEASURED_RGB, IMPUTED_RGB))}<br>"
        f"<b>in a view</b> {_marks(states, STATE_RGB)}<br>Ellipsoids hold {share}.</div>"
    )


def _marks(names: Sequence[str], colours: Sequence[tuple[int, int, int]]) -> str:
    return " ".join(
        f"<span style='white-space:nowrap'><span style='color:{_css(colour)}'>&#9632;</span> {name}</span>"
        for name, colour in zip(names, colours, strict=True)
    )


def occlusion_html(frame: PoseFrame, views: list[str], joints: list[str]) -> str:
    """Return a table of the states: a row per view, a square per joint, its name on hover."""
    if not frame.actors:
        return "<div style='padding:0 1em'>nobody is seen</div>"
    states = frame.actors[0].occlusion.argmax(axis=-1)
    rows = []
    for view, name in enumerate(views):
        squares = "".join(
            f"<td title='{escape(joint)}: {OcclusionState(state).name}' style='background:"
            f"{_css(STATE_RGB[state])};width:9px;height:12px'></td>"
            for joint, state in zip(joints, states[view].tolist(), strict=True)
        )
        lost = "" if frame.view_present[view] else " (no frame)"
        rows.append(f"<tr><td style='padding-right:6px'>{escape(name)}{lost}</td>{squares}</tr>")
    table = f"<table style='border-spacing:1px;font-size:0.75em'>{''.join(rows)}</table>"
    return f"<div style='padding:0 1em;overflow-x:auto'>{table}</div>"


class Curve:
    """A value over time."""

    def __init__(
        self, gui: viser.GuiApi, title: str, colour: tuple[int, int, int], *, newest: int | None
    ) -> None:
        """Begin empty; with `newest`, only so many values are kept, at seconds before the last one."""
        self._values: deque[tuple[float, float]] = deque(maxlen=newest)
        self._plot = gui.add_uplot(
            data=(np.zeros(1), np.zeros(1)),
            series=({"label": "s"}, {"label": title, "stroke": _css(colour), "width": 1.5}),
            scales={"x": {"time": False}},
            title=title,
            height=150,
        )

    def add(self, time_s: float, value: float) -> None:
        """Remember a value; `draw` shows it."""
        self._values.append((time_s, value))

    def draw(self) -> None:
        """Send the curve to the browser."""
        if len(self._values) < 2:
            return
        times, values = np.array(self._values)[:: -(-len(self._values) // _POINTS)].T
        zero = 0.0 if self._values.maxlen is None else self._values[-1][0]
        self._plot.data = (times - zero, np.ascontiguousarray(values))


class Panel:
    """The panel of live streams and files alike."""

    def __init__(self, server: viser.ViserServer, *, views: list[str], joints: list[str], live: bool) -> None:
        self._views, self._joints = views, joints
        newest = _NEWEST if live else None
        gui = server.gui
        # Beside the scene, not before it.
        gui.main_panel.dock_right()
        self._text = gui.add_markdown("")
        self.show_ellipsoids = gui.add_checkbox("covariance", initial_value=True)
        gui.add_html(legend_html())
        with gui.add_folder("Occlusion"):
            self._occlusion = gui.add_html("")
        with gui.add_folder("Curves"):
            self.reprojection = Curve(gui, "reprojection, px", IMPUTED_RGB, newest=newest)
            self.latency = Curve(gui, "latency, ms", MEASURED_RGB, newest=newest) if live else None

    def write(self, lines: list[str]) -> None:
        """Replace the text at the top."""
        self._text.content = "  \n".join(lines)

    def show(self, frame: PoseFrame) -> None:
        """Show the states of a frame."""
        self._occlusion.content = occlusion_html(frame, self._views, self._joints)

    def draw_curves(self) -> None:
        """Send the curves to the browser."""
        self.reprojection.draw()
        if self.latency is not None:
            self.latency.draw()


def status_lines(
    frame: PoseFrame | None, status: Status | None, *, age_ms: float | None, problem: str = ""
) -> list[str]:
    """Return what a viewer of a live stream wants to know first; `problem` is why there is no connection."""
    state = "no connection" if problem else "waiting" if status is None else status.source
    lines = [f"**{state}**" + ("" if frame is None else f", pose {frame.seq}")]
    if problem:
        return [*lines, f"⚠ {problem}; trying again"]
    if age_ms is not None:
        lines.append(f"age of the pose here: {age_ms:.0f} ms")
    if status is not None and status.recording is not None:
        lines.append(f"recording **{status.recording}**")
    if status is not None:
        lines += _parts(status.detail)
    if frame is not None:
        lines += [f"⚠ {warning}" for warning in frame.warnings]
    return lines


def _parts(detail: dict[str, str]) -> list[str]:
    """Return the state of every part: those that simply run in one line."""
    running = [part for part, words in detail.items() if words == _RUNNING]
    lines = [f"{part}: {words}" for part, words in detail.items() if words != _RUNNING]
    return [f"running: {', '.join(running)}", *lines] if running else lines
