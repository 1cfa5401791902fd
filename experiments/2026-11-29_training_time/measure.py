"""CPU time of a training step of each released bundle, times the steps it was trained for.

    python experiments/2026-11-29_training_time/measure.py [--only SKELETON ...]

Bodies want `python datasets/cmu_mocap/prepare.py RAW .cache/mvmono3d/cmu_mocap` first. Each training runs
twice, for a few steps and for more: what both share (start, clips, fitting of units) is told from the steps.
"""

import argparse
import csv
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FEW, MANY = 2, 10
MUST_MIN = 60.0


@dataclass(frozen=True, kw_only=True)
class Release:
    """How a bundle was trained, as deploy/models/README.md says."""

    skeleton: str
    steps: int
    overrides: tuple[str, ...] = ()


RELEASES = (
    Release(skeleton="hand21", steps=480),
    Release(skeleton="body25b", steps=480, overrides=("data=synthetic_cmu",)),
    Release(skeleton="body17", steps=320, overrides=("data=synthetic_cmu",)),
    Release(skeleton="body25", steps=320, overrides=("data=synthetic_cmu",)),
    Release(skeleton="mouse15", steps=160),
)


def cpu_s(release: Release, *, steps: int, work: Path) -> float:
    """Train so many steps in a process of its own, without validation, and return its CPU time [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "train.py",
        "experiment=release",
        f"skeleton={release.skeleton}",
        *release.overrides,
        f"trainer.max_steps={steps}",
        "trainer.limit_val_batches=0",
        "evaluate=false",
        f"hydra.run.dir={work}/{release.skeleton}_{steps}",
    ]
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(releases: Iterable[Release], work: Path) -> Iterator[dict[str, str]]:
    """Yield a line per bundle. The first run makes the clips, and is not counted."""
    for release in releases:
        cpu_s(release, steps=1, work=work)
        few, many = (cpu_s(release, steps=steps, work=work) for steps in (FEW, MANY))
        step_s = (many - few) / (MANY - FEW)
        minutes = (few + step_s * (release.steps - FEW)) / 60.0
        title = f"training time of {release.skeleton}: {release.steps} steps of {step_s:.2f} s, one core"
        yield {
            "skeleton": release.skeleton,
            "bar": "training_time",
            "title": title,
            "value": f"{minutes:.3g}",
            "unit": "min",
            "low": "",
            "high": "",
            "must_low": "",
            "must_high": f"{MUST_MIN:g}",
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, default=Path("logs/training_time"))
    parser.add_argument("--only", nargs="+", default=[release.skeleton for release in RELEASES])
    arguments = parser.parse_args()
    out = HERE / "results.csv"
    rows = {}
    if out.is_file():
        with out.open(newline="") as file:
            rows = {row["skeleton"]: row for row in csv.DictReader(file)}
    for row in measure((each for each in RELEASES if each.skeleton in arguments.only), arguments.work):
        rows[row["skeleton"]] = row
        print(*row.values(), sep="\t", flush=True)
        with out.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows.values())


if __name__ == "__main__":
    main()
