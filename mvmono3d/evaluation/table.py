"""Tables of scores: on the console, in Markdown, as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.table import Table

from mvmono3d.evaluation.compare import Comparison, Interval, MethodScores
from mvmono3d.evaluation.field import FIELD_SCALARS, FieldScore
from mvmono3d.evaluation.score import SCALARS


class Column(NamedTuple):
    """How one metric is shown."""

    metric: str
    title: str
    digits: int = 1
    percent: bool = False

    def text(self, value: float | None) -> str:
        """Return a value as the table shows it."""
        if value is None:
            return "-"
        if self.percent:
            return f"{100 * value:.{self.digits}f}"
        return length_text(value) if self.title.endswith(" mm") else f"{value:.{self.digits}f}"


def length_text(value_mm: float) -> str:
    """Return millimetres with one decimal, below 10 with two: a mouse is smaller than a person."""
    return f"{value_mm:.2f}" if abs(value_mm) < 9.995 else f"{value_mm:.1f}"


COLUMNS = (
    Column("answered", "answered %", percent=True),
    Column("mpjpe_mm", "MPJPE mm"),
    Column("mpjpe_held_mm", "held mm"),
    Column("median_mm", "median mm"),
    Column("p95_mm", "p95 mm"),
    Column("procrustes_mm", "PA mm"),
    Column("hidden_mm", "hidden mm"),
    Column("above_20mm", "> 20 mm %", percent=True),
    Column("acceleration_error", "acc m/s²"),
    Column("bone_variation_mm", "bone sd mm"),
    Column("stated", "covariance stated %", percent=True),
    Column("covered_90", "in 90 % %", percent=True),
    Column("hidden_covered_90", "hidden in 90 % %", percent=True),
    Column("nll", "NLL", digits=2),
    Column("macro_f1", "macro F1", digits=3),
    Column("visible_auc", "visible AUC", digits=3),
    Column("recovery_p50", "recovery p50"),
    Column("recovery_p95", "recovery p95"),
)
"""What the tables show of `SCALARS`; the CSV holds all."""
FIELD_COLUMNS = (
    Column("answered", "answered %", percent=True),
    Column("measured", "measured %", percent=True),
    Column("left_out_px", "left out px"),
    Column("left_out_p90_px", "left out p90 px"),
    Column("predicted", "predicted %", percent=True),
    Column("reprojection_px", "reprojection px"),
    Column("bone_variation_mm", "bone sd mm"),
    Column("jerk", "jerk m/s³", digits=0),
)
CAPTION = (
    "held: a joint without an answer keeps its last one, or costs the actor's size before the first; "
    "hidden: held error where fewer than two views truly see the joint; > 20 mm counts silence; "
    "brackets: 95 % bootstrap interval over clips"
)


def comparison_table(comparison: Comparison) -> Table:
    """Return the table for a console: one line per metric, one column per method."""
    table = Table(title=f"{comparison.clips} clips", caption=CAPTION, header_style="bold")
    table.add_column("metric")
    for method in comparison.methods:
        table.add_column(method.name, justify="right")
    for title, *cells in _rows(comparison):
        table.add_row(title, *cells)
    return table


def comparison_markdown(comparison: Comparison) -> str:
    """Return the same as Markdown."""
    header = ["metric", *(method.name for method in comparison.methods)]
    return _markdown(header, _rows(comparison)) + f"\n{comparison.clips} clips. {CAPTION}.\n"


def comparison_csv(comparison: Comparison) -> str:
    """Return every scalar of every method and clip as CSV: method, clip, metric, value; unknown is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "clip", "metric", "value"])
    for method in comparison.methods:
        for clip, (each, ms) in enumerate(zip(method.scores, method.ms_per_frame, strict=True)):
            for metric in SCALARS:
                value = getattr(each, metric)
                writer.writerow([method.name, clip, metric, "" if value is None else repr(value)])
            writer.writerow([method.name, clip, "ms_per_frame", repr(ms)])
    return out.getvalue()


def field_table(scores: Mapping[str, FieldScore]) -> Table:
    """Return the table of a recording without truth: one line per metric, one column per method."""
    table = Table(title="without truth: judged by the recording itself", header_style="bold")
    table.add_column("metric")
    for name in scores:
        table.add_column(name, justify="right")
    for row in _field_rows(scores):
        table.add_row(*row)
    return table


def field_markdown(scores: Mapping[str, FieldScore]) -> str:
    """Return the same as Markdown."""
    return _markdown(["metric", *scores], _field_rows(scores))


def field_csv(scores: Mapping[str, FieldScore]) -> str:
    """Return every number of every method as CSV: method, metric, value; unknown is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "metric", "value"])
    for name, each in scores.items():
        for metric in FIELD_SCALARS:
            value = getattr(each, metric)
            writer.writerow([name, metric, "" if value is None else repr(value)])
    return out.getvalue()


def _field_rows(scores: Mapping[str, FieldScore]) -> list[list[str]]:
    return [
        [column.title, *(column.text(getattr(each, column.metric)) for each in scores.values())]
        for column in FIELD_COLUMNS
    ]


def _rows(comparison: Comparison) -> list[list[str]]:
    rows = [
        [column.title, *(_cell(column, method.summary(column.metric)) for method in comparison.methods)]
        for column in COLUMNS
    ]
    rows += [
        [title, *(_group(method, place) for method in comparison.methods)]
        for place, title in enumerate(_view_titles(comparison.methods))
    ]
    times = [sorted(method.ms_per_frame) for method in comparison.methods]
    rows.append(["ms per frame (median)", *(f"{values[len(values) // 2]:.2f}" for values in times)])
    return rows


def _cell(column: Column, interval: Interval | None) -> str:
    if interval is None:
        return "-"
    mean = column.text(interval.mean)
    if interval.clips < 2:
        return mean
    return f"{mean} [{column.text(interval.low)}, {column.text(interval.high)}]"


def _view_titles(methods: Sequence[MethodScores]) -> list[str]:
    width = max((len(method.mean_of("by_views_mm")) for method in methods), default=0)
    return [f"held mm, {count} visible views" for count in range(width)]


def _group(method: MethodScores, place: int) -> str:
    groups = method.mean_of("by_views_mm")
    value = groups[place] if place < len(groups) else None
    return "-" if value is None else length_text(value)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
