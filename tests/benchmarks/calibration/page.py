"""The page: bars first, then the numbers behind them, and how much was run."""

import datetime
import os
import platform
from collections import Counter
from importlib.metadata import version

import cv2
import numpy as np

from tests.benchmarks.calibration import duel, honesty, trials, words
from tests.benchmarks.calibration.bars import of_world, reached
from tests.benchmarks.calibration.parts import PARTS
from tests.benchmarks.calibration.store import numbers
from tests.benchmarks.learned.bars import Bound
from tests.benchmarks.learned.tables import figure, markdown_table, with_interval
from tests.benchmarks.machine import processor

_ERRORS = (
    ("held_out_mm", "held-out 3D mm"),
    ("scale_percent", "scale %"),
    ("rays_deg", "lines of sight °"),
    ("axes_deg", "axes °"),
    ("position_mm", "position mm"),
    ("length_mm", "mm per m"),
    ("cpu_s", "CPU s"),
)


def write_page(path, results, amount):
    lines = ["# Calibration", "", words.INTRODUCTION, "", *_provenance(), "", *_amounts(results, amount), ""]
    lines += ["## Bars", "", words.BARS, "", *_bars(results, amount), ""]
    for part, section in (
        ("peers", _peers), ("noise", _noise), ("uncertainty", _uncertainty), ("real", _real),
        ("sets", _sets), ("guard", _guard),
    ):  # fmt: skip
        if results.of(part):
            lines += section(results.of(part))
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _provenance():
    packages = f"numpy {np.__version__}, scipy {version('scipy')}, OpenCV {cv2.__version__}"
    return [
        f"Written on {datetime.date.today().isoformat()} with Python {platform.python_version()}, {packages} "
        f"on {processor()}, one thread, load average {os.getloadavg()[2]:.0f}."
    ]


def _amounts(results, amount):
    rows = []
    for part in PARTS:
        wanted = len(part.cases(amount))
        stamps = "; ".join(
            f"{date}, commit {commit}" for _, commit, date in results.stamps.get(part.name, [])
        )
        done = len(set(part.cases(amount)) & set(results.of(part.name)))
        rows.append([part.name, f"{done} of {wanted}", stamps or "not yet"])
    return markdown_table(["part", "cases run", "measured on"], rows)


def _bars(results, amount):
    rows = []
    for each in reached(results, amount):
        bar = each.bar
        must = "-" if bar.must == Bound() else f"{bar.must.text()} {bar.unit}".strip()
        cells = [str(bar.number), each.about, bar.title, must, with_interval(each.interval)]
        rows.append([*cells, each.verdict, each.source])
    header = ["", "about", "bar", "must", "reached [lowest, highest or 95 %]", "verdict", "measured on"]
    return markdown_table(header, rows)


def _peers(cases):
    lines = ["## Synthetic rigs, ours and peers", "", words.PEERS, ""]
    for world in duel.WORLDS:
        mine = of_world(cases, world)
        if mine:
            lines += [f"### {words.WORLDS[world]}", "", f"{len(mine)} rigs; means.", ""]
            lines += [*_errors(mine), "", *_each_seed(mine), ""]
    return lines


def _errors(cases):
    labels = dict.fromkeys(label for methods in cases.values() for label in methods)
    rows = []
    for label in labels:
        rows.append([label, *(_average(cases, label, metric) for metric, _ in _ERRORS)])
    return markdown_table(["method", *(title for _, title in _ERRORS)], rows)


def _each_seed(cases):
    labels = list(dict.fromkeys(label for methods in cases.values() for label in methods))
    rows = [
        [label, *(figure(float(methods[label]["held_out_mm"])) for methods in cases.values())]
        for label in labels
    ]
    return markdown_table(["held-out 3D mm", *(f"seed {case.split('/')[1]}" for case in cases)], rows)


def _average(cases, label, metric):
    found = numbers(cases, label, metric)
    return figure(float(np.mean(np.abs(found)))) if found else "-"


def _noise(cases):
    lines = ["## More noise", "", words.NOISE, ""]
    rows = []
    for world in duel.WORLDS:
        mine = of_world(cases, world)
        if mine:
            stated = _average(mine, duel.OURS, "stated_axes_deg")
            cells = (_average(mine, duel.OURS, metric) for metric, _ in _ERRORS)
            rows.append([words.WORLDS[world], str(len(mine)), *cells, stated])
    return [
        *lines,
        *markdown_table(["rigs", "", *(title for _, title in _ERRORS), "axes °, stated"], rows),
        "",
    ]


def _uncertainty(cases):
    lines = ["## Stated uncertainty", "", words.UNCERTAINTY, ""]
    rows = []
    for method in (honesty.CHOSEN, honesty.KNOWN):
        for kind in honesty.KINDS:
            total, inside, squared = (
                sum(numbers(cases, method, f"{kind}: {what}")) for what in ("intervals", "inside", "squared")
            )
            rows.append(
                [
                    method,
                    kind,
                    f"{total:.0f}",
                    f"{100 * inside / total:.1f}",
                    f"{(squared / total) ** 0.5:.2f}",
                ]
            )
    header = ["", "kind", "intervals", "hold the truth %", "RMS error over stated"]
    return [*lines, *markdown_table(header, rows), ""]


def _real(cases):
    lines = ["## Real boards", "", words.REAL, ""]
    for case, methods in cases.items():
        metrics = list(dict.fromkeys(metric for values in methods.values() for metric in values))
        rows = [
            [name, *(_cell(values.get(metric)) for metric in metrics)] for name, values in methods.items()
        ]
        lines += [f"### {case}", "", *markdown_table(["", *metrics], rows), ""]
    return lines


def _cell(text):
    if text is None:
        return "-"
    try:
        return figure(float(text))
    except ValueError:
        return text


def _sets(cases):
    bad, good = of_world(cases, "bad"), of_world(cases, "good")
    kinds = Counter(each["ours"]["kind"] for each in bad.values())
    rows = []
    for kind, count in kinds.items():
        mine = [each["ours"] for each in bad.values() if each["ours"]["kind"] == kind]
        named = sum(each["named"] == "1" for each in mine)
        caught = sum(each["named"] == "1" or each["accepted"] == "0" for each in mine)
        rows.append([kind, str(count), str(caught), str(named)])
    refused = [case for case, each in good.items() if each["ours"]["accepted"] == "0"]
    missed = [
        case for case, each in bad.items() if (each["ours"]["named"], each["ours"]["accepted"]) == ("0", "1")
    ]
    return [
        "## Sets with a mistake, and good ones", "", words.SETS, "",
        *markdown_table(["mistake", "sets", "refused or named", "named rightly"], rows), "",
        f"Good sets: {len(refused)} of {len(good)} refused ({', '.join(refused) or 'none'}). "
        f"Bad sets missed: {', '.join(missed) or 'none'}.", "",
    ]  # fmt: skip


def _guard(cases):
    names = [f"{noise:g} px/{turn:g} deg" for noise in trials.NOISES_PX for turn in trials.TURNS_DEG]
    names += [f"blind/{turn:g} deg" for turn in trials.BLIND_TURNS_DEG]
    rows = []
    for name in names:
        mine = [each["ours"] for case, each in cases.items() if case.startswith(f"{name}/")]
        if mine:
            flagged = [float(each["seconds"]) for each in mine if each["flagged"] == "1"]
            named = sum(each["named"] == "1" for each in mine)
            when = f"{np.median(flagged):.0f}" if flagged else "-"
            kind, turn = name.split("/")
            title = "no baseline, 2 px" if kind == "blind" else f"baseline, {kind}"
            rows.append(
                [title, turn.replace(" deg", "°"), str(len(mine)), str(len(flagged)), str(named), when]
            )
    hours = of_world(cases, "hour")
    header = ["joints", "turn", "trials", "flagged", "named rightly", "after s (median)"]
    ran = sum(numbers(hours, "ours", "clips")) / trials.CLIPS_PER_HOUR
    alarms, worst = sum(numbers(hours, "ours", "alarms")), max(numbers(hours, "ours", "worst"), default=0.0)
    return [
        "## The guard", "", words.GUARD, "",
        *markdown_table(header, rows), "",
        f"True rigs: {alarms:.0f} false alarms in {ran:.1f} hours; the "
        f"largest statistic was {worst:.2f} thresholds.", "",
    ]  # fmt: skip
