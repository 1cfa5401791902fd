"""Measure triangulations side by side in this one process, and print the results as JSON.

`python -m tests.benchmarks.triangulation_table FOLDER` also writes the tables as triangulation.md.
"""

import dataclasses
import json
import platform
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.regimes import make_regime
from tests.benchmarks.triangulators import METHODS, Exported, oracle

VIEWS = (2, 4, 8, 16)
ROUNDS = 7
FRAMES = {"pycolmap LO-RANSAC": 20, "numpy DLT (SVD)": 100, "ours, graph in torch": 100}
MOST_FRAMES = 1000
ACCURACY_FRAMES = 400


def measure_speed():
    """Return CPU microseconds per joint, median over interleaved rounds: {views: {method: us}}."""
    return {views: _speed(make_regime("B", views=views, frames=MOST_FRAMES), METHODS) for views in VIEWS}


def measure_latency(folder):
    """Return CPU milliseconds for one frame of 21 joints and four views: {method: ms}."""
    frame = _first(make_regime("B", views=4, frames=1), 1)
    exported = Exported(frame, folder / "robust.onnx")
    per_joint = _speed(frame, METHODS | {"ours, graph in onnxruntime": exported}, repeats=20)
    return {name: 1e-3 * 21 * spent for name, spent in per_joint.items()}


def measure_accuracy():
    """Return errors of joints that three good views see: {regime: {method: {...}}}."""
    return {name: _accuracy(make_regime(name, views=4, frames=ACCURACY_FRAMES, seed=1)) for name in "ABC"}


def _speed(recording, methods, repeats=1):
    frames = {name: _first(recording, FRAMES.get(name, MOST_FRAMES)) for name in methods}
    for name, method in methods.items():
        method(frames[name])
    spent = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, method in methods.items():
            begin = time.process_time()
            for _ in range(repeats):
                method(frames[name])
            joints = repeats * frames[name].points_world[..., 0].size
            spent[name].append(1e6 * (time.process_time() - begin) / joints)
    return {name: float(np.median(rounds)) for name, rounds in spent.items()}


def _accuracy(recording):
    best = oracle(recording)
    good = recording.good.sum(axis=1) >= 3
    bound = np.sqrt(np.trace(best.covariance_world, axis1=-2, axis2=-1)[good])
    best_error = np.linalg.norm(best.points_world - recording.points_world, axis=-1)[good]
    several = recording.detected.sum(axis=1) >= 2
    rows = {
        "knowing the outliers": {
            "mean_mm": 1e3 * float(best_error.mean()),
            "rms_mm": 1e3 * float(np.sqrt(np.mean(best_error**2))),
            "bound_mm": 1e3 * float(np.sqrt(np.mean(bound**2))),
        }
    }
    for name, method in METHODS.items():
        error = np.linalg.norm(method(recording) - recording.points_world, axis=-1)
        here = error[good]
        found = np.isfinite(here)
        rows[name] = {
            "mean_mm": 1e3 * float(here[found].mean()),
            "ratio": float(here[found].mean() / best_error[found].mean()),
            "found": float(found.mean()),
            "bad": float(np.mean(~(here < 0.010))),
            "answered": float(np.isfinite(error[several]).mean()),
            "wrong": float(np.mean(error[several & np.isfinite(error)] > 0.010)),
        }
    return rows


def _first(recording, frames):
    """Return the recording's first frames; lens and poses have no time axis."""
    fixed = ("lens", "camera_from_world")
    fields = {field.name: getattr(recording, field.name) for field in dataclasses.fields(recording)}
    return type(recording)(
        **{name: array if name in fixed else array[:frames].copy() for name, array in fields.items()}
    )


def write_tables(results, folder):
    """Write the results as a page of Markdown."""
    lines = [
        "# Triangulation",
        "",
        "Written by `make bench`. All in one process, one thread, interleaved, medians of CPU time; the",
        f"ratios are the result, not the microseconds. {results['machine']}.",
        "",
        *_speed_table(results["speed"], results["latency"]),
        "## Accuracy",
        "",
        "Four views. Joints that at least three good views see: mean error, ratio to the maximum likelihood",
        "of one who knows the outliers, share that is missing or wrong by more than 10 mm. All joints with",
        "two or more detections: share answered, and share of the answers wrong by more than 10 mm.",
        "",
    ]
    for regime, rows in results["accuracy"].items():
        lines += _accuracy_table(regime, rows)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "triangulation.md").write_text("\n".join(lines), encoding="utf-8")


def _speed_table(speed, latency):
    colmap, ours = "pycolmap LO-RANSAC", "ours, compiled"
    lines = [
        "## Speed",
        "",
        "Microseconds per joint, regime B (8 % outliers, 20 % missing), by number of views. pycolmap takes",
        "one point per call from Python, which is part of its time.",
        "",
        "| method | "
        + " | ".join(f"{views} views" for views in VIEWS)
        + " | one frame, 21 joints, 4 views |",
        "|---" * (len(VIEWS) + 2) + "|",
    ]
    for name in latency:
        cells = [f"{speed[views][name]:.3g}" if name in speed[views] else "" for views in VIEWS]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {latency[name]:.3g} ms |")
    times = " | ".join(f"{speed[views][colmap] / speed[views][ours]:.0f}" for views in VIEWS)
    return [*lines, f"| **{colmap} / ours** | {times} | {latency[colmap] / latency[ours]:.0f} |", ""]


def _accuracy_table(regime, rows):
    best = rows["knowing the outliers"]
    lines = [
        f"### Regime {regime}",
        "",
        f"Knowing the outliers: mean {best['mean_mm']:.3f} mm, rms {best['rms_mm']:.3f} mm; "
        f"Cramér-Rao bound of the rms {best['bound_mm']:.3f} mm.",
        "",
        "| method | mean mm | ratio | missing or >10 mm | answered | wrong answers |",
        "|---|---|---|---|---|---|",
    ]
    for name in METHODS:
        row = rows[name]
        cells = (f"{row['mean_mm']:.3f}", f"{row['ratio']:.3f}", f"{row['bad']:.2%}")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row['answered']:.1%} | {row['wrong']:.1%} |")
    return [*lines, ""]


def main(folder):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    packages = ("numpy", "numba", "torch", "onnxruntime", "pycolmap", "opencv-python-headless")
    with tempfile.TemporaryDirectory() as scratch:
        results = {
            "machine": f"Python {platform.python_version()}, {platform.machine()}, "
            + ", ".join(f"{name} {version(name)}" for name in packages),
            "speed": measure_speed(),
            "latency": measure_latency(Path(scratch)),
            "accuracy": measure_accuracy(),
        }
    write_tables(results, folder)
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
