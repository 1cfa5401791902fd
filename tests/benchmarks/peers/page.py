"""The page and the CSV that a comparison leaves behind."""

import csv
import datetime
import io
import os
import platform
import textwrap
from importlib.metadata import version
from typing import NamedTuple

from tests.benchmarks.machine import commit, processor
from tests.benchmarks.peers.peer_process import PEERS, versions
from tests.benchmarks.peers.scenes import WORLDS
from tests.benchmarks.peers.scoring import mean_of, ratio_interval
from tests.benchmarks.peers.tune import read_tuned
from tests.benchmarks.peers.words import (
    CALLED,
    COLUMNS_EXPLAINED,
    INTRODUCTION,
    REAL_EXPLAINED,
    SUMMARY_EXPLAINED,
)


class Column(NamedTuple):
    metric: str
    title: str
    digits: int = 1
    scale: float = 1.0

    def text(self, value):
        return "-" if value is None else f"{self.scale * value:.{self.digits}f}"


COLUMNS = (
    Column("mpjpe_held_mm", "held mm"),
    Column("mpjpe_mm", "answered mm"),
    Column("missing", "missing %", scale=100),
    Column("median_mm", "median mm"),
    Column("hidden_mm", "hidden mm"),
    Column("above_10mm", "> 10 mm %", scale=100),
    Column("acceleration_error", "acc m/s²"),
    Column("bone_variation_mm", "bone sd mm"),
    Column("recovery_p50", "recovery p50"),
    Column("recovery_p95", "recovery p95"),
    Column("ms_per_frame", "CPU ms", digits=2),
)
RATIOS = (
    Column("mpjpe_held_mm", "held"),
    Column("hidden_mm", "hidden"),
    Column("above_10mm", "> 10 mm"),
    Column("acceleration_error", "acc"),
    Column("bone_variation_mm", "bone sd"),
    Column("ms_per_frame", "CPU"),
)
REAL = (
    Column("left_out_px", "left out px, median"),
    Column("left_out_mean_px", "mean"),
    Column("left_out_p90_px", "p90"),
    Column("predicted", "predicted %", scale=100),
    Column("answered", "answered %", scale=100),
    Column("bone_variation_mm", "bone sd mm"),
    Column("jerk", "jerk m/s³", digits=0),
    Column("ms_per_frame", "CPU ms", digits=2),
)
WHEN = {
    "ours, robust": "frame by frame",
    "ours, Kalman and bones": "causal",
    "ours, MAP smoother": "offline",
    "pycolmap": "frame by frame",
    "aniposelib": "offline",
    "Pose2Sim": "offline",
    "EKS": "offline",
}
_CAUSAL = "causal"


def write_csv(path, results, real):
    """Write every number: world, scene, method, metric, value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["world", "scene", "method", "metric", "value"])
    for each in results:
        for metric, value in each.values.items():
            text = "" if value is None else repr(float(value))
            writer.writerow([each.world, each.scene, each.method, metric, text])
    for method, values in real.items():
        for metric, value in values.items():
            writer.writerow(["pose2sim_demo", 0, method, metric, repr(float(value))])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(out.getvalue(), encoding="utf-8")


def write_page(path, results, real, *, frames, jobs=1):
    lines = ["# Peers", "", INTRODUCTION, "", *_provenance(frames, jobs), ""]
    worlds = {
        world: _by_method([each for each in results if each.world == world])
        for world in dict.fromkeys(each.world for each in results)
    }
    lines += _summary(worlds)
    for world, methods in worlds.items():
        lines += _world(world, methods)
    lines += ["## How to read the tables", "", COLUMNS_EXPLAINED, ""]
    if real:
        lines += _real(real)
    lines += ["## How each peer was called", "", CALLED, "", *_settings()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _provenance(frames, jobs):
    packages = ("numpy", "numba", "onnxruntime", "scipy")
    ours = ", ".join(f"{name} {version(name)}" for name in packages)
    sentences = (
        f"Run on {datetime.date.today().isoformat()} at commit {commit('mvmono3d', 'tests/benchmarks')},",
        f"with Python {platform.python_version()} on {processor()}: one thread per process, {jobs} of the",
        f"peers at a time, load average {os.getloadavg()[2]:.0f}.",
        f"Synthetic scenes have {frames} frames at 60 Hz.",
        f"Peers: {', '.join(versions())}. Ours: {ours}.",
    )
    return textwrap.wrap(" ".join(sentences), 106)


def _by_method(results):
    return {
        method: [each for each in results if each.method == method]
        for method in dict.fromkeys(each.method for each in results)
    }


def _summary(worlds):
    held = COLUMNS[0]
    rows = []
    for world, methods in worlds.items():
        errors = [(mean_of(methods[name], held.metric) or 0.0, name) for name in methods if name in PEERS]
        best = min(errors)[1]
        own = [name for name in methods if name.startswith("ours") and WHEN.get(name) != "frame by frame"]
        for name in own:
            cells = (_cell(methods[each], held) for each in (name, best))
            rows.append([WORLDS[world].title, name, best, *cells, _ratio(methods[name], methods[best], held)])
    header = ["scenes", "ours", "best peer", "ours mm", "peer mm", "ratio"]
    return ["## Summary", "", SUMMARY_EXPLAINED, "", *table(header, rows), ""]


def _world(world, methods):
    scenes = len(next(iter(methods.values())))
    lines = [f"## {WORLDS[world].title[0].upper()}{WORLDS[world].title[1:]}", "", f"{scenes} scenes.", ""]
    rows = [
        [method, WHEN.get(method, _CAUSAL), *(_cell(each, column) for column in COLUMNS)]
        for method, each in methods.items()
    ]
    lines += table(["method", "sees", *(column.title for column in COLUMNS)], rows)
    lines += ["", "Ours / peer, below 1 is better, with the 95 % bootstrap interval over scenes:", ""]
    rows = [
        [f"{ours} / {peer}", *(_ratio(methods[ours], methods[peer], column) for column in RATIOS)]
        for ours, peer in _pairs(methods)
    ]
    return [*lines, *table(["pair", *(column.title for column in RATIOS)], rows), ""]


def _cell(results, column):
    if column.metric == "missing":
        answered = mean_of(results, "answered")
        return column.text(None if answered is None else 1.0 - answered)
    return column.text(mean_of(results, column.metric))


def _pairs(methods):
    """Return (ours, peer): like with like, and the causal methods against all."""
    own = [name for name in methods if name.startswith("ours")]
    pairs = []
    for ours in own:
        for peer in (name for name in methods if name in PEERS):
            alone = WHEN.get(ours) == "frame by frame"
            if alone == (WHEN[peer] == "frame by frame"):
                pairs.append((ours, peer))
    return pairs


def _ratio(ours, theirs, column):
    found = ratio_interval(ours, theirs, column.metric)
    if found is None:
        return "-"
    mean, low, high = (f"{value:.3f}" if value < 0.1 else f"{value:.2f}" for value in found)
    return f"{mean} [{low}, {high}]"


def _real(real):
    rows = [
        [
            method,
            WHEN.get(method.split(", its")[0], _CAUSAL),
            *(column.text(values[column.metric]) for column in REAL),
        ]
        for method, values in real.items()
    ]
    lines = ["## A real recording", "", REAL_EXPLAINED, ""]
    return [*lines, *table(["method", "sees", *(column.title for column in REAL)], rows), ""]


def _settings():
    worlds = list(dict.fromkeys(world.tuned_on for world in WORLDS.values()))
    lines = ["## Settings", "", "What tuning chose; whatever isn't named is at the runner's default.", ""]
    rows = []
    for peer in PEERS:
        for world in worlds:
            chosen = read_tuned(world)[peer]
            text = ", ".join(f"`{name}` {value}" for name, value in chosen.items()) or "defaults"
            rows.append([peer, world, text])
    return [*lines, *table(["peer", "tuned on", "settings"], rows)]


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
