"""Stress tables: compact on the console, whole in Markdown, every number as CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich.box import SIMPLE
from rich.table import Table

from mvmono3d.evaluation.compare import Interval
from mvmono3d.evaluation.score import UNSEEN_BINS
from mvmono3d.evaluation.stress.measures import MOST_VIEWS, Tolerance
from mvmono3d.evaluation.stress.readouts import CAPTION, READOUTS, bin_name, readout, views_name
from mvmono3d.evaluation.stress.replay import StressRecord
from mvmono3d.evaluation.stress.summary import BASELINES, RATIOS, Line
from mvmono3d.evaluation.table import length_text

CONSOLE_WIDTH = 130
_FLOOR = "robust"
_NEVER_WORSE = "Never worse than robust: error minus robust's in mm, on joints that both answer"


class _Cell(NamedTuple):
    title: str
    text: Callable[[Line], str]


def stress_table(lines: Sequence[Line], *, tolerance: Tolerance) -> Table:
    """Return the compact table for a console; `CONSOLE_WIDTH` columns hold it."""
    table = Table(
        title=f"stress, {max(line.takes for line in lines)} takes",
        caption=f"{CAPTION}; {tolerance_text(tolerance)}",
        header_style="bold",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    cells = _cells(
        "held_mm", "hidden_mm", "lost", "off_far", "recovery_mean", "recovery_p90", "covered_90",
        "covered_hidden_90", "occluded_f1", "false_visible",
    )  # fmt: skip
    cells.append(_ratio_cell("held", BASELINES[0], brief=True))
    for title in ("row", "method"):
        table.add_column(title, no_wrap=True)
    for cell in cells:
        table.add_column(cell.title, justify="right")
    for place, line in enumerate(lines):
        first = place == 0 or lines[place - 1].row != line.row
        table.add_row(line.row if first else "", line.method, *(cell.text(line) for cell in cells))
    return table


def stress_markdown(lines: Sequence[Line], *, tolerance: Tolerance, reference: str | None) -> str:
    """Return all tables; `reference` says what stood in for the truth where there was none."""
    parts = [f"# Stress, {max(line.takes for line in lines)} takes\n"]
    if reference is not None:
        parts.append(f"**{reference}**\n")
    parts.append(f"{CAPTION}. {tolerance_text(tolerance).capitalize()}.\n")
    parts += [f"## {title}\n\n{_markdown(cells, lines)}" for title, cells in _sections()]
    others = [line for line in lines if line.method != _FLOOR]
    if others:
        parts.append(f"## {_NEVER_WORSE}\n\n{_markdown(_never_worse(), others)}")
    return "\n".join(parts)


def stress_csv(records: Iterable[StressRecord], lines: Sequence[Line]) -> str:
    """Return row, method, take, measure, value: take "all" pools them, and has the curves too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "method", "take", "measure", "value"])
    for record in records:
        for each in READOUTS:
            if not each.group:
                value = each.value(record.measures)
                cell = "" if value is None else repr(value)
                writer.writerow([record.row, record.method, record.take, each.name, cell])
    for line in lines:
        for name, value in values_of(line).items():
            writer.writerow([line.row, line.method, "all", name, "" if value is None else repr(value)])
    return out.getvalue()


def values_of(line: Line) -> dict[str, float | None]:
    """Return every number of a line by name, ratios with their intervals."""
    values = {each.name: each.value(line.pooled) for each in READOUTS}
    values |= {"worst_excess_mm": line.worst_excess_mm, "takes_worse": float(line.takes_worse)}
    for each in line.ratios:
        name = f"{each.of}_over_{each.baseline}"
        found = each.interval
        values |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    return values


def tolerance_text(tolerance: Tolerance) -> str:
    """Say which errors count as small and large."""
    return f"near: {1e3 * tolerance.near_m:g} mm, far: {1e3 * tolerance.far_m:g} mm"


def _sections() -> list[tuple[str, list[_Cell]]]:
    accuracy = _cells(
        "mpjpe_mm", "held_mm", "hidden_mm", "lost", "off_near", "off_far", "recovery_mean", "recovery_p50",
        "recovery_p90", "recovery_p95", "acceleration_error", "bone_variation_mm", "ms_per_frame",
    )  # fmt: skip
    ratios = [_ratio_cell(of, baseline, brief=False) for baseline in BASELINES for of in RATIOS]
    views = _cells(*(f"views_{views_name(number)}_mm" for number in range(MOST_VIEWS + 1)))
    bins = [bin_name(*each) for each in UNSEEN_BINS]
    unseen = [_Cell(f"{name} frames", _unseen(name)) for name in bins]
    regions = [each.name for each in READOUTS if each.name.startswith("covered")]
    return [
        ("Accuracy", accuracy),
        ("Ratios, with 95 % bootstrap intervals over takes", ratios),
        ("Held error in mm by truly visible views", views),
        ("By frames unseen: mean held error, rms error of answers / stated rms sigma, mm; lost %", unseen),
        ("Truths inside the stated region, %", _cells(*regions)),
        ("Occlusion states", _cells("macro_f1", "occluded_f1", "false_visible")),
    ]


def _never_worse() -> list[_Cell]:
    return [
        *_cells("excess_agreeing_2_mm", "excess_agreeing_3_mm", "excess_agreeing_4+_mm", "excess_mm"),
        _Cell("worst take mm", lambda line: _length(line.worst_excess_mm)),
        _Cell("takes worse", lambda line: f"{line.takes_worse}/{line.takes}"),
        *_cells("lost_ground"),
    ]


def _cells(*names: str) -> list[_Cell]:
    return [_Cell(each.title, lambda line, each=each: each.text(line.pooled)) for each in map(readout, names)]


def _ratio_cell(of: str, baseline: str, *, brief: bool) -> _Cell:
    return _Cell(f"{of} / {baseline}", lambda line: _interval(line.ratio(of, baseline), brief=brief))


def _interval(interval: Interval | None, *, brief: bool) -> str:
    if interval is None:
        return "-"
    if brief or interval.clips < 2:
        return f"{interval.mean:.2f}"
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _unseen(name: str) -> Callable[[Line], str]:
    parts = [readout(f"unseen_{name}_{ending}") for ending in ("mm", "rms_mm", "sigma_mm", "lost")]

    def text(line: Line) -> str:
        average, error, sigma, lost = (each.text(line.pooled) for each in parts)
        return f"{average}, {error} / {sigma}; {lost}"

    return text


def _length(value_mm: float | None) -> str:
    return "-" if value_mm is None else length_text(value_mm)


def _markdown(cells: Sequence[_Cell], lines: Sequence[Line]) -> str:
    header = ["row", "method", *(cell.title for cell in cells)]
    rule = ["---", "---", *["---:"] * len(cells)]
    body = [[line.title, line.method, *(cell.text(line) for cell in cells)] for line in lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *body))
