"""The tables behind the bars, as Markdown."""

import numpy as np

from tests.benchmarks.learned.measuring import LEARNED
from tests.benchmarks.learned.statistics import change, excesses, read, share

COLUMNS = (
    ("mpjpe_mm", "answers mm", 1),
    ("held_mm", "held mm", 1),
    ("hidden_mm", "hidden mm", 1),
    ("lost", "missing %", 100),
    ("off_near", "> near %", 100),
    ("off_far", "> far %", 100),
    ("recovery_mean", "recovery mean", 1),
    ("recovery_p90", "p90", 1),
    ("occluded_f1", "occluded F1", 1),
    ("macro_f1", "macro F1", 1),
    ("covered_95", "in 95 % %", 100),
    ("covered_hidden_95", "hidden %", 100),
    ("covered_late_95", "late %", 100),
    ("bone_variation_mm", "bone sd mm", 1),
    ("ms_per_frame", "ms", 1),
    ("unaware", "unaware %", 100),
    ("lost_in_silence", "lost in silence %", 100),
)
"""Stress readouts by name, and the fields that `measuring` adds."""
OWN = ("unaware", "lost_in_silence")
FIELDS = ("held", "hidden")


def markdown_table(header, rows):
    """Return the lines of a table."""
    return [f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *rows]]


def values_of(pooled, row, method):
    """Return metric → value of one method under one row."""
    return {
        name: (share(name, row=row, method=method) if name in OWN else read(name, row=row, method=method))(
            pooled
        )
        for name, _, _ in COLUMNS
    }


def section_tables(section, sample):
    """Return the tables of a synthetic section."""
    frames, tolerance = sample.scenes * section.settings.frames, section.tolerance
    titles = {row.name: row.title for row in section.rows}
    pooled = sample.pooled()
    rows = [
        [titles[row], method, *_cells(values_of(pooled, row, method))]
        for row in sample.rows
        for method in sample.methods
        if (row, method) in sample.arrays
    ]
    return [
        f"### {section.title[0].upper()}{section.title[1:]}",
        "",
        f"{sample.scenes} scenes of {section.settings.frames} frames, {frames:,} in all; near is "
        f"{1e3 * tolerance.near_m:g} mm, far {1e3 * tolerance.far_m:g} mm.",
        "",
        *markdown_table(["row", "method", *(title for _, title, _ in COLUMNS)], rows),
        "",
        *_changes(section, sample, titles),
        "",
        *_against_robust(sample, titles),
        "",
    ]


def _cells(values):
    return [figure(None if values[name] is None else scale * values[name]) for name, _, scale in COLUMNS]


def _changes(section, sample, titles):
    pairs = [(field, baseline) for baseline in section.baselines for field in FIELDS]
    rows = []
    for row in sample.rows:
        found = (sample.interval(change(field, baseline=other, row=row)) for field, other in pairs)
        rows.append([titles[row], *(with_interval(each) for each in found)])
    header = [f"{field}, learned against {baseline}, %" for field, baseline in pairs]
    return markdown_table(["row", *header], rows)


def _against_robust(sample, titles):
    """Return the table of what never worse means: error minus robust's by views that agree for robust."""
    pooled = sample.pooled()
    found = excesses(pooled)
    rows = []
    for row in sample.rows:
        sums = pooled.of(row, LEARNED)
        worse, known = sums.sequence_worse[0]
        groups = [figure(found.get((row, number))) for number in (2, 3, 4)]
        lost, joints = sums.lost_ground[0]
        rows.append(
            [titles[row], *groups, figure(worst_sequence_mm(sample, row)), f"{worse:.0f} of {known:.0f}",
             figure(100 * lost / joints if joints else None)]
        )  # fmt: skip
    header = ["2 agree, mm", "3", "4 or more", "worst sequence, mm", "sequences worse", "lost ground %"]
    return markdown_table(["learned minus robust", *header], rows)


def worst_sequence_mm(sample, row):
    """Return the largest mean error of a sequence minus robust's."""
    total, count = np.moveaxis(sample.arrays[row, LEARNED]["excess"].sum(axis=1), -1, 0)
    return float((total[count > 0] / count[count > 0]).max()) if (count > 0).any() else None


def figure(value):
    """Return a number with three digits that count."""
    if value is None:
        return "-"
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def with_interval(interval):
    if interval is None:
        return "-"
    return f"{figure(interval.mean)} [{figure(interval.low)}, {figure(interval.high)}]"


def real_tables(real):
    """Return a table per real recording."""
    lines = []
    for name, methods in real.items():
        lines += [f"### {name}, each camera left out", ""]
        rows = [[method, *real_cells(judged, methods)] for method, judged in methods.items()]
        header = ["median px", "90 % px", "predicted %", "bone sd mm"]
        lines += [*markdown_table(["method", *header], rows), ""]
    return lines


def real_cells(judged, methods):
    values = real_values(judged, methods)
    return [figure(values[name]) for name in ("median", "p90", "predicted", "bones")]


def real_values(judged, methods):
    """Return what a method did on the detections that robust predicts too."""
    values = judged.values(methods["robust"], frames=np.arange(len(judged.error_px)))
    return values | {"predicted": 100.0 * values["predicted"]}
