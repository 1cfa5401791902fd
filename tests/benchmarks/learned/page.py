"""The page and the CSV that a measurement leaves behind."""

import csv
import datetime
import io
import platform

from tests.benchmarks.learned.bars import Bound
from tests.benchmarks.learned.measuring import LEARNED
from tests.benchmarks.learned.tables import (
    markdown_table,
    real_tables,
    real_values,
    section_tables,
    values_of,
    with_interval,
)
from tests.benchmarks.learned.words import BARS_EXPLAINED, INTRODUCTION, REAL_EXPLAINED, TABLES_EXPLAINED
from tests.benchmarks.machine import commit, processor


def write_csv(path, findings):
    """Write every bar and every number of the tables."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["part", "about", "row", "method", "metric", "value", "low", "high", "verdict"])
    for each in findings.reached:
        found = each.interval
        numbers = ["", "", ""] if found is None else [found.mean, found.low, found.high]
        title, verdict = each.bar.title, each.verdict.strip("*").lower()
        writer.writerow([f"bar {each.bar.number}", each.about, "", LEARNED, title, *numbers, verdict])
    for section, sample in findings.sections:
        pooled = sample.pooled()
        for row, method in sample.arrays:
            for metric, value in values_of(pooled, row, method).items():
                cell = "" if value is None else repr(float(value))
                writer.writerow([section.name, "", row, method, metric, cell, "", "", ""])
    for name, methods in findings.real.items():
        for method, judged in methods.items():
            for metric, value in real_values(judged, methods).items():
                writer.writerow(["real", name, "", method, metric, repr(float(value)), "", "", ""])
    path.write_text(out.getvalue(), encoding="utf-8")


def write_page(path, findings, *, amount):
    """Write the bars, what was measured behind them, and how."""
    lines = [
        "# The learned reconstructor",
        "",
        INTRODUCTION,
        "",
        *_provenance(amount),
        "",
        *_bundles(findings),
    ]
    lines += ["## Bars", "", BARS_EXPLAINED, "", *_bars(findings.reached), ""]
    if findings.sections:
        lines += ["## The numbers behind them", "", TABLES_EXPLAINED, ""]
        for section, sample in findings.sections:
            lines += section_tables(section, sample)
    if findings.real:
        lines += ["## Real recordings", "", REAL_EXPLAINED, "", *real_tables(findings.real)]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _provenance(amount):
    return [
        f"Run on {datetime.date.today().isoformat()} at commit {commit()}; {processor()}, one "
        f"thread, Python {platform.python_version()}. {amount.scenes} scenes of {amount.frames} "
        f"frames per section, {amount.stress_scenes} under stress."
    ]


def _bundles(findings):
    if not findings.bundles:
        return ["No bundle is released yet: whatever needs one stands as not measured.", ""]
    rows = []
    for name, bundle in findings.bundles.items():
        manifest = bundle.manifest
        trained = ", ".join(f"{key} {value}" for key, value in manifest.training.items())
        time = f"{findings.wall_ms[name]:.2f} ms"
        rows.append([name, f"`{manifest.commit[:12]}`", trained or "nothing is recorded", time])
    header = ["bundle", "commit", "its model card on training", "a step by the wall clock"]
    return [*markdown_table(header, rows), ""]


def _bars(reached):
    rows = []
    for each in sorted(reached, key=lambda each: (each.bar.number, each.about)):
        bar = each.bar
        must = "-" if bar.must == Bound() else bar.must.text()
        limits = [must, "-" if bar.aim is None else bar.aim.text()]
        limits = [text if text == "-" or not bar.unit else f"{text} {bar.unit}" for text in limits]
        found = with_interval(each.interval)
        rows.append(
            [str(bar.number), each.about or "-", bar.title, *limits, found, each.verdict, each.source]
        )
    header = ["", "about", "bar", "must", "aim", "reached [95 % interval]", "verdict", "measured on"]
    return markdown_table(header, rows)
