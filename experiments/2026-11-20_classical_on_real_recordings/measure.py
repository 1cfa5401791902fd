"""Measure classical methods on real recordings: `python measure.py RAW`.

RAW holds pose2sim_demo and mouse_4mono as their datasets/*/card.md name them.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
import yaml

from mvmono3d.core.detections_file import read_detections
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource
from mvmono3d.formats.raw_dataset import check_raw_files, prepare_readable, read_manifest
from mvmono3d.formats.trc import read_trc
from mvmono3d.pipeline.classical import reconstruct_dlt, reconstruct_robust
from mvmono3d.pipeline.consensus import triangulate_consensus
from mvmono3d.pipeline.leave_one_out import leave_one_view_out

HERE = Path(__file__).resolve().parent
DATASETS = HERE.parents[1] / "datasets"
CONFIDENT = 0.3  # Pose2Sim's own threshold.


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raw", type=Path)
    raw = parser.parse_args().raw
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for dataset in ("pose2sim_demo", "mouse_4mono"):
            manifest = read_manifest(DATASETS / dataset / "manifest.yaml")
            check_raw_files(raw / dataset, manifest, where=dataset)
            prepare_readable(raw / dataset, Path(folder) / dataset, manifest)
            for name, entry in manifest["recordings"].items():
                take = Path(folder) / dataset / name
                rows += leave_one_out(take, dataset, load_skeleton(entry["skeleton"]))
                if dataset == "pose2sim_demo":
                    rows += against_trc(take, raw / dataset, manifest)
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("dataset", "question", "method", "median", "p90", "unit", "count"))
        writer.writerows(rows)
    for row in rows:
        print(*row)


def leave_one_out(take, dataset, skeleton):
    detections, rig = read_detections(take / "detections.npz"), read_rig(take / "rig.toml")
    observations = detections.observations
    _, sigma_px = triangulate_consensus(observations, rig)
    outcomes = {
        "dlt": leave_one_view_out(
            observations, rig, reconstruct=lambda seen: reconstruct_dlt(seen, rig, skeleton)
        ),
        "robust": leave_one_view_out(
            observations,
            rig,
            reconstruct=lambda seen: reconstruct_robust(seen, rig, skeleton, sigma_px=sigma_px),
        ),
    }
    counts = observations.confidence > CONFIDENT
    for outcome in outcomes.values():
        counts = counts & outcome.predicted
    question = "camera left out"
    return [
        (dataset, question, method, *quantiles(outcome.error_px[counts]), "px", int(counts.sum()))
        for method, outcome in outcomes.items()
    ]


def against_trc(take, raw, manifest):
    skeleton = load_skeleton("body25b")
    detections, rig = read_detections(take / "detections.npz"), read_rig(take / "rig.toml")
    trc = read_trc(raw / next(path for path in manifest["files"] if path.endswith(".trc")))
    markers = yaml.safe_load((HERE / "markers.yaml").read_text())
    joints = [skeleton.index(markers[name]) for name in trc.names]
    rows = []
    for method, reconstruct in (("dlt", reconstruct_dlt), ("robust", reconstruct_robust)):
        trajectory = reconstruct(detections.observations, rig, skeleton).trajectory
        both = (trajectory.source[:, joints] != PointSource.MISSING) & trc.present
        error = np.linalg.norm(trajectory.points_world[:, joints] - trc.points_world, axis=-1)[both]
        rows.append(("pose2sim_demo", "shipped TRC", method, *quantiles(1e3 * error), "mm", int(both.sum())))
    return rows


def quantiles(values):
    return tuple(round(float(np.quantile(values, share)), 4) for share in (0.5, 0.9))


if __name__ == "__main__":
    main()
