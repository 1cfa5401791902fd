"""Pictures of a stress replay: curves of some rows side by side, and ratios of all rows."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mvmono3d.evaluation.colours import colours_of
from mvmono3d.evaluation.figures import bin_title, plain_log, save
from mvmono3d.evaluation.score import UNSEEN_BINS
from mvmono3d.evaluation.stress.measures import MOST_VIEWS, RELIABILITY_LEVELS
from mvmono3d.evaluation.stress.readouts import mean, views_name
from mvmono3d.evaluation.stress.summary import BASELINES, Line

_SHOWN = ("undisturbed", "occluders", "limb_hidden", "dead_2", "shift_large", "hard_detector")
"""Rows whose curves are drawn, where they were run."""
_PANELS = 6
Curve = tuple[list[float], list[float]]


def save_pictures(folder: Path, lines: Sequence[Line]) -> list[Path]:
    """Write visible_views.png, unseen.png, reliability.png and, with a baseline to divide by, ratios.png."""
    drawn = {
        "visible_views.png": draw_visible_views(lines),
        "unseen.png": draw_unseen(lines),
        "reliability.png": draw_reliability(lines),
        "ratios.png": draw_ratios(lines),
    }
    paths = []
    for name, figure in drawn.items():
        if figure is not None:
            save(figure, folder / name)
            paths.append(folder / name)
    return paths


def draw_visible_views(lines: Sequence[Line]) -> Figure:
    """Draw the held error by how many views truly see a joint."""

    def draw(axes: Axes, line: Line, shade: str) -> None:
        axes.plot(*_known(line.pooled.by_views), color=shade, marker="o", markersize=4, label=line.method)

    figure = _panels(lines, draw, log=True)
    for axes in figure.axes:
        axes.set_xticks(range(MOST_VIEWS + 1), [views_name(number) for number in range(MOST_VIEWS + 1)])
    figure.supxlabel("views that truly see the joint", fontsize=10)
    figure.supylabel("mean error in mm (last answer held)", fontsize=10)
    return figure


def draw_unseen(lines: Sequence[Line]) -> Figure:
    """Draw error and stated sigma by frames since two views or more saw a joint: honest where they meet."""

    def draw(axes: Axes, line: Line, shade: str) -> None:
        places, error = _known(line.pooled.unseen_square)
        axes.plot(places, np.sqrt(error), color=shade, marker="o", markersize=4, label=line.method)
        places, variance = _known(line.pooled.unseen_variance)
        axes.plot(places, np.sqrt(variance), color=shade, linestyle=":", marker="_", markersize=6)

    figure = _panels(lines, draw, log=True)
    for axes in figure.axes:
        axes.set_xticks(range(len(UNSEEN_BINS)), [bin_title(*each) for each in UNSEEN_BINS])
    figure.supxlabel("frames since two views or more truly saw the joint", fontsize=10)
    figure.supylabel("mm: rms error of answers (line), stated rms sigma (dots)", fontsize=10)
    return figure


def draw_reliability(lines: Sequence[Line]) -> Figure:
    """Draw how often the truth lies in a stated region, of all joints and of hidden ones (dots)."""

    def draw(axes: Axes, line: Line, shade: str) -> None:
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=0.8, zorder=0)
        for tally, style, label in (
            (line.pooled.reliability, "-", line.method),
            (line.pooled.reliability_hidden, ":", None),
        ):
            places, observed = _known(tally)
            stated = [RELIABILITY_LEVELS[round(place)] for place in places]
            axes.plot(stated, observed, color=shade, linestyle=style, label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")

    figure = _panels(lines, draw, log=False)
    figure.supxlabel("stated probability", fontsize=10)
    figure.supylabel("share of truths inside: all joints (line), hidden ones (dots)", fontsize=10)
    return figure


def draw_ratios(lines: Sequence[Line]) -> Figure | None:
    """Draw the error of each row and method over kalman's, with intervals; None where kalman is alone."""
    baseline = BASELINES[0]
    methods = _methods([line for line in lines if line.ratio("held", baseline) is not None])
    if not methods:
        return None
    rows = list(dict.fromkeys(line.title for line in lines))
    figure = Figure(figsize=(9.5, 1.6 + 0.17 * len(rows) * (len(methods) + 1)), layout="constrained")
    for place, (of, words) in enumerate((("held", "all joints, held"), ("hidden", "hidden joints, held"))):
        axes = figure.add_subplot(1, 2, place + 1)
        for number, method in enumerate(methods):
            _bars(axes, lines, rows, method=method, of=of, number=number, of_number=len(methods))
        axes.axvline(1.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(rows)), rows if place == 0 else [""] * len(rows), fontsize=8)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(f"error / {baseline}'s: {words}", fontsize=9)
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, loc="outside upper center", ncols=len(labels))
    return figure


def _bars(
    axes: Axes, lines: Sequence[Line], rows: list[str], *, method: str, of: str, number: int, of_number: int
) -> None:
    found = [(line, line.ratio(of, BASELINES[0])) for line in lines if line.method == method]
    known = [(rows.index(line.title), ratio) for line, ratio in found if ratio is not None]
    if not known:
        return
    height = 0.8 / of_number
    places = np.array([row for row, _ in known]) - 0.4 + height * (number + 0.5)
    middle = np.array([ratio.mean for _, ratio in known])
    reach = [[max(r.mean - r.low, 0.0) for _, r in known], [max(r.high - r.mean, 0.0) for _, r in known]]
    shade = colours_of(_order(lines))[method]
    axes.barh(places, middle, height=0.9 * height, color=shade, label=method)
    axes.errorbar(middle, places, xerr=np.array(reach), fmt="none", ecolor="#333333", elinewidth=0.8)


def _panels(lines: Sequence[Line], draw: Callable[[Axes, Line, str], None], *, log: bool) -> Figure:
    present = list(dict.fromkeys(line.row for line in lines))
    rows = [row for row in _SHOWN if row in present] or present[:_PANELS]
    columns = min(3, len(rows))
    height = -(-len(rows) // columns)
    figure = Figure(figsize=(3.4 * columns + 0.6, 3.0 * height + 0.5), layout="constrained")
    shades = colours_of(_order(lines))
    shared: Axes | None = None
    for place, row in enumerate(rows):
        axes = figure.add_subplot(height, columns, place + 1, sharey=shared)
        shared = shared or axes
        for line in lines:
            if line.row == row:
                draw(axes, line, shades[line.method])
                axes.set_title(line.title, fontsize=9)
        axes.grid(axis="y", which="both", color="#eeeeee")
        axes.tick_params(labelsize=8)
        if log:
            plain_log(axes)
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def _known(tallies: np.ndarray) -> Curve:
    values = [(float(place), mean(tally)) for place, tally in enumerate(tallies)]
    known = [(place, value) for place, value in values if value is not None]
    return [place for place, _ in known], [value for _, value in known]


def _order(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.method for line in lines))


def _methods(lines: Sequence[Line]) -> list[str]:
    return [method for method in _order(lines) if method != BASELINES[0]]
