"""How many bad sets of sightings are refused or named, and how many good ones are refused.

python -m tests.benchmarks.calibration_sets --good 200 --bad 200 --out build/calibration_sets.csv
"""

import argparse
import csv
import sys
import time
from collections import Counter
from pathlib import Path

from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.trusted import Judgement, judge
from tests.calibration.rig_faults import BadSet, bad_set
from tests.calibration.rig_sets import good_set

FIELDS = ("seed", "kind", "cameras", "poses", "accepted", "named", "seconds", "findings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--good", type=int, default=200)
    parser.add_argument("--bad", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--models", nargs="+", default=["pinhole2"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = []
    for seed in range(given.first, given.first + given.bad):
        made = bad_set(seed)
        rows.append(row(seed, made.kind, made.sightings, given.models, bad=made))
    for seed in range(given.first, given.first + given.good):
        rows.append(row(seed, "good", good_set(seed), given.models))
    _tell(rows)
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        with given.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(rows)


def row(
    seed: int, kind: str, sightings: BoardSightings, models: list[str], *, bad: BadSet | None = None
) -> dict:
    settings = CalibrationSettings(models=tuple(models), world_pose=bad.world_pose if bad else None)
    start = time.perf_counter()
    found = judge(sightings, settings=settings)
    row = {
        "seed": seed,
        "kind": kind,
        "cameras": len(sightings.cameras),
        "poses": len(sightings.labels),
        "accepted": found.accepted,
        "named": bad is not None and _named(bad, found),
        "seconds": round(time.perf_counter() - start, 2),
        "findings": "; ".join(
            f"{one.severity} {one.fault} {' '.join(one.cameras)}" for one in found.findings
        ),
    }
    missed = not row["accepted"] if bad is None else row["accepted"] and not row["named"]
    if missed or (bad and not row["named"]):
        sys.stderr.write(f"{'MISSED' if missed else 'not named'} {seed} {kind}: {row['findings']}\n")
    return row


def _named(made: BadSet, found: Judgement) -> bool:
    return any(
        finding.fault in made.faults and (not made.cameras or set(finding.cameras) == made.cameras)
        for finding in found.findings
    )


def _tell(rows: list[dict]) -> None:
    good = [row for row in rows if row["kind"] == "good"]
    bad = [row for row in rows if row["kind"] != "good"]
    named, caught = Counter(), Counter()
    for row in bad:
        named[row["kind"]] += row["named"]
        caught[row["kind"]] += row["named"] or not row["accepted"]
    for kind, count in Counter(row["kind"] for row in bad).items():
        sys.stdout.write(
            f"{kind:<22} {count:>4} sets, caught {caught[kind]:>4}, named rightly {named[kind]:>4}\n"
        )
    if bad:
        sys.stdout.write(f"bad:  {sum(caught.values())} of {len(bad)} refused or named\n")
    if good:
        refused = sum(not row["accepted"] for row in good)
        mean = sum(row["seconds"] for row in good) / len(good)
        sys.stdout.write(f"good: {refused} of {len(good)} refused; {mean:.1f} s a set\n")


if __name__ == "__main__":
    main()
