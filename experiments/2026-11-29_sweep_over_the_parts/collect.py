"""Write down what a sweep tried and found: `python experiments/…/collect.py SWEEP`.

SWEEP is the folder that `train.py -m sweep=parts` wrote, a folder per trial. results.csv: a row per trial and
number; the rank correlation of every parameter with the error is printed.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import yaml
from scipy.stats import spearmanr

HERE = Path(__file__).parent
METRICS = ("val/mpjpe_mm", "val/loss")


def trials(sweep: Path, parameters: tuple[str, ...]) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each trial's number with its parameters and its last validation."""
    for folder in sorted(
        (path for path in sweep.iterdir() if path.name.isdigit()), key=lambda path: int(path.name)
    ):
        told = yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8"))
        chosen = dict(word.split("=", 1) for word in told)
        with (folder / "metrics" / "metrics.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get(METRICS[0])]
        if rows:
            numbers = {name: float(chosen[name]) for name in parameters}
            yield int(folder.name), numbers | {name: float(rows[-1][name]) for name in METRICS}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sweep", type=Path)
    arguments = parser.parse_args()
    space = yaml.safe_load(Path("conf/sweep/parts.yaml").read_text(encoding="utf-8"))
    parameters = tuple(space["hydra"]["sweeper"]["params"])
    found = dict(trials(arguments.sweep, parameters))
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "name", "value"])
        writer.writerows(
            [trial, name, f"{value:.6g}"] for trial, row in found.items() for name, value in row.items()
        )
    for trial, row in sorted(found.items(), key=lambda item: item[1][METRICS[0]]):
        print(f"| {trial} |", " | ".join(f"{value:.3g}" for value in row.values()), "|")
    errors = [row[METRICS[0]] for row in found.values()]
    for name in parameters:
        rank, chance = spearmanr([row[name] for row in found.values()], errors)
        print(f"{name}: rank correlation with the error {rank:.2f}, p {chance:.2f}")


if __name__ == "__main__":
    main()
