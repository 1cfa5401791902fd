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


def _change(own, *, other):
    """Return errors → how much more `own` is off than `other`, %; None where one was not run."""

    def of(errors):
        if own not in errors or other not in errors:
            return None
        return 100.0 * (errors[own] / errors[other] - 1.0)

    return of


def _gap_closed(own, *, start, goal):
    """Return errors → the share of the way from `start` to `goal` that `own` has gone, %."""

    def of(errors):
        if not {own, start, goal} <= set(errors):
            return None
        return 100.0 * (errors[start] - errors[own]) / (errors[start] - errors[goal])

    return of


_NO_LABEL = _change("ssl", other="kalman")
_FEW_LABELS = _gap_closed("ssl, then finetune", start="kalman", goal="supervised")
MODE_BARS = {
    (name, metric): (
        Bar(number=12, title=f"{title}, {words}", unit="%", must=must, aim=aim),
        statistic,
    )
    for name, title, statistic, must, aim in (
        ("ssl", "no label: error against Kalman", _NO_LABEL, Bound(high=-10), Bound(high=-20)),
        (
            "labels_1_percent",
            "1 % of labels: share of the gap from Kalman to all labels that is closed",
            _FEW_LABELS,
            Bound(low=65),
            Bound(low=90),
        ),
    )
    for metric, words in (("mpjpe_held_mm", "all joints"), ("hidden_mm", "hidden joints"))
}
"""(Name, metric) → bar, and how the errors of the learning modes' methods reach it."""
EXPECTED = {("training_time", ""): "training time"} | {key: bar.title for key, (bar, _) in MODE_BARS.items()}
"""What experiments are expected to state, and how it is called where none does."""
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
                found += [((line["bar"], ""), _stated(line, path)) for line in reader]
    found += [each for path in sorted(folder.glob("*_learning_modes/results.csv")) for each in _modes(path)]
    named = {key for key, _ in found}
    missing = [
        Reached(
            bar=Bar(number=12, title=title, must=Bound()),
            about="",
            interval=None,
            source="no experiments/*/results.csv states it",
        )
        for key, title in EXPECTED.items()
        if key not in named
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
    errors = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            of_seed = errors.setdefault((line.get("metric"), line["seed"]), {})
            of_seed[line["method"]] = float(line["value"])
    for (name, metric), (bar, statistic) in MODE_BARS.items():
        values = [statistic(each) for (of_metric, _), each in errors.items() if of_metric == metric]
        values = [value for value in values if value is not None]
        if values:
            mean = sum(values) / len(values)
            interval = Interval(mean=mean, low=min(values), high=max(values), clips=len(values))
            source = f"{Path(path.parent.name, path.name).as_posix()}, seeds: {len(values)}"
            yield (name, metric), Reached(bar=bar, about="body25b", interval=interval, source=source)


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
