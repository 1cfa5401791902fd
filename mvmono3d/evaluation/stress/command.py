"""The part of `mvmono3d evaluate` that `--stress` adds: replay, tables, pictures, tracking."""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from mvmono3d.core.schema import atomic_write
from mvmono3d.evaluation.compare import Method
from mvmono3d.evaluation.stress.measures import Tolerance
from mvmono3d.evaluation.stress.pictures import save_pictures
from mvmono3d.evaluation.stress.replay import StressRecord, stress, tolerance_of
from mvmono3d.evaluation.stress.rows import ROWS, Row, rows_named
from mvmono3d.evaluation.stress.summary import Line, summarise
from mvmono3d.evaluation.stress.tables import CONSOLE_WIDTH, stress_csv, stress_markdown, stress_table
from mvmono3d.evaluation.stress.takes import REFERENCE, SyntheticTake, Take, synthetic_takes, undisturbed
from mvmono3d.evaluation.stress.tracking import require_wandb, track

_WORLD_SCENES, _WORLD_FRAMES = 8, 300
_NEAR_OF_FAR = 1 / 3


def world_takes(arguments: argparse.Namespace) -> list[SyntheticTake]:
    """Return the synthetic takes that were asked for."""
    return synthetic_takes(
        arguments.world,
        skeleton=arguments.skeleton or "body25b",
        takes=arguments.scenes or _WORLD_SCENES,
        frames=arguments.frames or _WORLD_FRAMES,
        seed=arguments.seed,
    )


def run_stress(
    takes: Sequence[Take], methods: Mapping[str, Method], *, arguments: argparse.Namespace, console: Console
) -> None:
    """Replay, print, and write or send what was asked for."""
    if arguments.wandb is not None:
        require_wandb()
    rows = ROWS if arguments.rows is None else rows_named(arguments.rows)
    tolerance = _tolerance(takes[0], arguments.tolerance)
    reference = None if _has_truth(takes[0]) else REFERENCE
    records = _replay(takes, methods, rows=rows, tolerance=tolerance, seed=arguments.seed, console=console)
    lines = summarise(records)
    console.width = max(console.width, CONSOLE_WIDTH)
    console.print(stress_table(lines, tolerance=tolerance))
    if reference is not None:
        console.print(reference)
    left_out = [row.title for row in rows if row.name not in {line.row for line in lines}]
    if left_out:
        console.print(f"left out, for they don't suit: {', '.join(left_out)}")
    texts = {
        "stress.md": stress_markdown(lines, tolerance=tolerance, reference=reference),
        "stress.csv": stress_csv(records, lines),
    }
    if arguments.out is not None:
        _write(arguments.out, texts)
        save_pictures(arguments.out, lines)
        console.print(f"wrote {arguments.out}")
    if arguments.wandb is not None:
        _send(arguments, lines, console=console)


def _replay(
    takes: Sequence[Take],
    methods: Mapping[str, Method],
    *,
    rows: Sequence[Row],
    tolerance: Tolerance,
    seed: int,
    console: Console,
) -> list[StressRecord]:
    records = []
    with console.status("replaying") as status:
        for record in stress(takes, methods, rows=rows, tolerance=tolerance, seed=seed):
            records.append(record)
            status.update(f"take {record.take + 1} of {len(takes)}: {record.row}, {record.method}")
    return records


def _tolerance(take: Take, far_mm: float | None) -> Tolerance:
    if far_mm is None:
        return tolerance_of(undisturbed(take))
    return Tolerance(near_m=1e-3 * _NEAR_OF_FAR * far_mm, far_m=1e-3 * far_mm)


def _has_truth(take: Take) -> bool:
    return isinstance(take, SyntheticTake) or take.truth is not None


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        with atomic_write(folder / name) as file:
            file.write(text.encode())


def _send(arguments: argparse.Namespace, lines: Sequence[Line], *, console: Console) -> None:
    asked = {name: str(value) for name, value in vars(arguments).items() if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        track(arguments.wandb, lines, config=asked, pictures=save_pictures(Path(folder), lines))
    console.print(f"sent to Weights & Biases, project {arguments.wandb}")
