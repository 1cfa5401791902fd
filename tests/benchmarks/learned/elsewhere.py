"""Bars that other commands measure: read from what they wrote, or "not measured"."""

import csv
from pathlib import Path

from mvmono3d.evaluation.compare import Interval
from tests.benchmarks.learned.bars import Bar, Bound, Reached
from tests.benchmarks.peers.scoring import Result, ratio_interval

PEER, PEER_WORLD = "Pose2Sim", "body25b"
PEER_BARS = {
    "mpjpe_held_mm": Bar(
        number=12, title=f"mean error against {PEER}, offline", unit="%", must=Bound(high=-35)
    ),
    "hidden_mm": Bar(
        number=12, title=f"hidden joints against {PEER}, offline", unit="%", must=Bound(high=-62)
    ),
}  # fmt: skip
EXPECTED = {
    "training_time": "training time",
    "ssl": "hidden joints: without labels against Kalman",
    "labels_1_percent": "hidden joints: 1 % of the labels against all of them",
}
"""What `bar` columns of experiments/*/results.csv are called, and what they ask."""
MODES = {"ssl": ("ssl", "kalman"), "labels_1_percent": ("ssl, then finetune", "supervised")}
"""Methods of the experiment on learning modes whose errors are compared."""
MODES_METRIC = "hidden_mm"
COLUMNS = ("bar", "title", "value", "unit", "low", "high", "must_low", "must_high")
"""What such a table has, a line per bar; empty cells are open."""


def peer_bars(path, skeleton):
    """Return the bars beside Pose2Sim from the CSV of `make bench-peers`."""
    results = _results(path) if path.exists() else {}
    peer = results.get(PEER, [])
    own = next((each for name, each in results.items() if name.startswith("ours, bundle")), [])
    source = f"{path.name} (make bench-peers)"
    found = []
    for metric, bar in PEER_BARS.items():
        interval = None
        if own and len(own) == len(peer):
            ratio = ratio_interval(own, peer, metric)
            if ratio is not None:
                mean, low, high = (100.0 * (value - 1.0) for value in ratio)
                interval = Interval(mean=mean, low=low, high=high, clips=len(own))
        found.append(Reached(bar=bar, about=skeleton, interval=interval, source=source))
    return found


def experiment_bars(folder):
    """Return the bars that the tables of experiments state, and those expected that none does."""
    found = []
    for path in sorted(folder.glob("*/results.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if set(COLUMNS) <= set(reader.fieldnames or ()):
                found += [(line["bar"], _stated(line, path)) for line in reader]
    found += [each for path in sorted(folder.glob("*_learning_modes/results.csv")) for each in _modes(path)]
    named = {name for name, _ in found}
    missing = [
        Reached(
            bar=Bar(number=12, title=title, must=Bound()),
            about="",
            interval=None,
            source="no experiments/*/results.csv states it",
        )
        for name, title in EXPECTED.items()
        if name not in named
    ]
    return [each for _, each in found] + missing


def _stated(line, path):
    number = {key: float(line[key]) if line[key] else None for key in COLUMNS[2:] if key != "unit"}
    value = number["value"]
    interval = None
    if value is not None:
        low, high = number["low"], number["high"]
        interval = Interval(
            mean=value, low=value if low is None else low, high=value if high is None else high, clips=1
        )
    must = Bound(low=number["must_low"], high=number["must_high"])
    bar = Bar(number=12, title=line["title"], unit=line["unit"], must=must)
    return Reached(bar=bar, about="", interval=interval, source=Path(path.parent.name, path.name).as_posix())


def _modes(path):
    """Compare trainings with the same seed: the mean, and the lowest and highest of the seeds."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line.get("metric") == MODES_METRIC]
    errors = {(line["method"], line["seed"]): float(line["value"]) for line in lines}
    for name, (own, other) in MODES.items():
        seeds = [seed for method, seed in errors if method == own and (other, seed) in errors]
        changes = [100.0 * (errors[own, seed] / errors[other, seed] - 1.0) for seed in seeds]
        if changes:
            mean = sum(changes) / len(changes)
            interval = Interval(mean=mean, low=min(changes), high=max(changes), clips=len(changes))
            bar = Bar(number=12, title=EXPECTED[name], unit="%", must=Bound())
            source = f"{Path(path.parent.name, path.name).as_posix()}, {len(changes)} seeds"
            yield name, Reached(bar=bar, about="", interval=interval, source=source)


def _results(path):
    scenes = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["world"] == PEER_WORLD:
                value = float(line["value"]) if line["value"] else None
                scenes.setdefault((line["method"], int(line["scene"])), {})[line["metric"]] = value
    found = {}
    for (method, scene), values in sorted(scenes.items()):
        result = Result(method=method, world=PEER_WORLD, scene=scene, values=values)
        found.setdefault(method, []).append(result)
    return found
