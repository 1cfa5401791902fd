"""Correct a checkpoint's covariances on true joints and on withheld detections; say which region holds what.

    python experiments/2026-11-20_learning_modes/calibration.py NAME=CHECKPOINT ... [OVERRIDE ...]

Both corrections are fitted to the validation clips of the synthetic world, and judged on its test clips.
Overrides choose the clips (data.source.scenes=…); without one they are those of `run.py`.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.data.datamodule import collate
from mvmono3d.data.store import ClipStore
from mvmono3d.export.checkpoint import load_trained
from mvmono3d.geometry.uncertainty import CHI2_90
from mvmono3d.imputation.calibrator import Calibrator
from mvmono3d.pipeline.calibration import Misses, misses, whole_evidence
from mvmono3d.pipeline.task import ReconstructorTask
from mvmono3d.training.build import build

HERE = Path(__file__).parent


def batches(store: ClipStore, *, size: int) -> Iterator[Clip]:
    """Yield the clips of a store in their own order."""
    for start in range(0, len(store), size):
        yield collate([store[place] for place in range(start, min(len(store), start + size))])


def weight(task: ReconstructorTask, clips: Iterable[Clip], *, on: str | None) -> Tensor:
    """Fit the task's calibrator anew."""
    task.reconstructor.calibrator.weight.zero_()
    task.calibrated_on = on
    if on is not None:
        task.calibrate(clips)
    return task.reconstructor.calibrator.weight.clone()


def coverage(found: Misses, calibrator: Calibrator) -> Iterator[dict[str, object]]:
    """Yield the share of true joints inside the stated 90 % region, by what is known of the answer."""
    factor = calibrator(found.inputs)
    inside = found.squared / factor < CHI2_90
    unmeasured, long, few_views = (found.inputs[:, column] > 0 for column in (1, 2, 5))
    groups = {
        "all": torch.ones_like(unmeasured),
        "measured": ~unmeasured,
        "not measured": unmeasured,
        "not measured for 0.1 s": long,
        "seen by fewer than two views": few_views,
    }
    for name, group in groups.items():
        share, usual = float(inside[group].float().mean()), float(factor[group].median())
        yield {"joints": name, "in 90 %": f"{share:.3f}", "factor": f"{usual:.2f}", "count": int(group.sum())}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", nargs="+", metavar="NAME=CHECKPOINT or OVERRIDE")
    parser.add_argument("--out", type=Path, default=HERE / "calibration.csv")
    parser.add_argument("--work", type=Path, default=Path("logs/learning_modes/calibration"))
    arguments = parser.parse_args()
    checkpoints = [word for word in arguments.weights if word.endswith(".ckpt")]
    overrides = [word for word in arguments.weights if not word.endswith(".ckpt")]
    with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
        places = (f"paths.run={arguments.work}", "experiment=ssl_multiview")
        run = build(compose("train", overrides=[*places, *overrides]))
    run.data.prepare_data()
    rows: list[dict[str, object]] = []
    for word in checkpoints:
        name, _, path = word.partition("=")
        task, validation, test = run.task, run.data.splits.val, run.data.splits.test
        if not isinstance(task, ReconstructorTask):
            raise SystemExit("calibration.py needs a reconstructor's task")
        if not isinstance(validation, ClipStore) or not isinstance(test, ClipStore):
            raise SystemExit("calibration.py needs clips")
        task.reconstructor.load_state_dict(load_trained(Path(path)).reconstructor.state_dict())
        weights = {
            str(on): weight(task, batches(validation, size=8), on=on)
            for on in (None, "withheld", "validation")
        }
        with torch.no_grad():
            found = [
                misses(task.reconstructor, whole_evidence(task.reconstructor, each), each.truth)
                for each in batches(test, size=1)
                if each.truth is not None
            ]
        both = Misses(*(torch.cat(column) for column in zip(*found, strict=True)))
        for on, fitted in weights.items():
            task.reconstructor.calibrator.weight.copy_(fitted)
            for row in coverage(both, task.reconstructor.calibrator):
                rows.append({"weights": name, "corrected on": on, **row})
                print(*rows[-1].values(), sep="\t", flush=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
