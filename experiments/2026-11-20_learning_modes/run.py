"""Train the reconstructor in every learning mode with one budget, and score each on the same test clips.

    python experiments/2026-11-20_learning_modes/run.py --steps 400 [--seeds 0 1] [--modes ssl] [OVERRIDE ...]

Overrides (data.source.scenes=…, skeleton=…) go to every training. A training whose results lie in --work
already is not repeated. results.csv: one row per number.
"""

import argparse
import csv
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
METRICS = ("mpjpe_mm", "mpjpe_held_mm", "hidden_mm", "covered_90", "hidden_covered_90", "nll", "macro_f1")
CLASSICAL = ("robust", "kalman")


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One training, perhaps after another one."""

    name: str
    overrides: tuple[str, ...]
    after: str | None = None
    """The mode whose weights it begins with; it has had that mode's steps as well."""
    elsewhere: bool = False
    """Whether it learns, and is scored, in the other world."""


def modes(share: float) -> tuple[Mode, ...]:
    """Return what is compared: the four modes, and what each of them must beat."""
    few = ("experiment=finetune", f"data.labelled_share={share}")
    alone = (*few, "data.labelled_batch_share=1.0")
    return (
        Mode(name="supervised", overrides=("experiment=supervised",)),
        Mode(name="ssl", overrides=("experiment=ssl_multiview",)),
        Mode(name="ssl, then finetune", overrides=few, after="ssl"),
        Mode(name="few labels alone", overrides=(*alone, "weights=null")),
        Mode(name="ssl, twice as long", overrides=("experiment=ssl_multiview",), after="ssl"),
        Mode(
            name="supervised, then bootstrap elsewhere",
            overrides=("experiment=bootstrap", "data=synthetic"),
            after="supervised",
            elsewhere=True,
        ),
        Mode(name="ssl, then few labels alone", overrides=alone, after="ssl"),
    )


def train(mode: Mode, folder: Path, *, weights: Path | None, common: tuple[str, ...], steps: int) -> None:
    """Run what a user would, unless it has been run; `comparison.csv` is written last."""
    if (folder / "comparison.csv").is_file():
        return
    command = [
        sys.executable,
        "train.py",
        *mode.overrides,
        f"trainer.max_steps={steps}",
        "trainer.max_epochs=-1",
        "trainer.check_val_every_n_epoch=null",
        f"trainer.val_check_interval={max(1, steps // 5)}",
        f"hydra.run.dir={folder}",
        *common,
    ]
    if weights is not None:
        command.append(f"weights={weights}")
    subprocess.run(command, check=True)


def numbers(folder: Path, methods: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Yield the mean over test clips of every metric, the methods under new names."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    with (folder / "comparison.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["method"] in methods and row["metric"] in METRICS and row["value"]:
                values[methods[row["method"]], row["metric"]].append(float(row["value"]))
    for (method, metric), each in values.items():
        mean = sum(each) / len(each)
        yield {"method": method, "metric": metric, "value": f"{mean:.6g}", "clips": len(each)}


def of_seed(seed: int, arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Train all modes with one seed."""
    folders: dict[str, Path] = {}
    for mode in modes(arguments.labelled_share):
        if arguments.modes and mode.name not in arguments.modes:
            continue
        folder = (
            arguments.work
            / f"steps_{arguments.steps}_seed_{seed}"
            / mode.name.replace(", ", "_").replace(" ", "_")
        )
        world = (f"data.source.world.name={arguments.elsewhere}",) if mode.elsewhere else ()
        common = (f"seed={seed}", *world, *arguments.overrides)
        weights = folders[mode.after] / "checkpoints" / "best.ckpt" if mode.after else None
        train(mode, folder, weights=weights, common=common, steps=arguments.steps)
        folders[mode.name] = folder
        methods = {"learned": mode.name}
        if mode.elsewhere:
            methods["before training"] = f"{mode.after}, taken elsewhere"
            methods |= {name: f"{name}, elsewhere" for name in CLASSICAL}
        elif mode.after is None:
            methods |= {name: name for name in CLASSICAL} if mode.name == "supervised" else {}
        for row in numbers(folder, methods):
            yield {"seed": seed, "steps": arguments.steps, **row}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--modes", nargs="+", help="of those in modes(), in that order; default: all")
    parser.add_argument("--labelled-share", type=float, default=0.01)
    parser.add_argument("--elsewhere", default="C", help="the world that nobody labelled")
    parser.add_argument("--work", type=Path, default=Path("logs/learning_modes"))
    parser.add_argument("--out", type=Path, default=HERE / "results.csv")
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_intermixed_args()
    rows: list[dict[str, object]] = []
    for seed in arguments.seeds:
        for row in of_seed(seed, arguments):
            rows.append(row)
            print(*row.values(), sep="\t", flush=True)
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
