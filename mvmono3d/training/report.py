"""The last thing a run says: its numbers, where everything lies, and what to do next."""

import csv
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.loggers import CSVLogger
from rich.console import Console
from rich.table import Table

from mvmono3d.evaluation.compare import Comparison
from mvmono3d.evaluation.figures import draw_actor, draw_overlay, save, save_figures
from mvmono3d.evaluation.table import COLUMNS, comparison_csv, comparison_markdown
from mvmono3d.training.build import Run
from mvmono3d.training.evaluate import Outcome, best_checkpoint

_SHOWN = ("answered", "mpjpe_mm", "mpjpe_held_mm", "hidden_mm", "covered_90", "macro_f1")


def report(run: Run, outcome: Outcome, *, trained_s: float) -> None:
    """Print the final table, paths and next commands; draw the learning curves."""
    console = Console()
    if outcome.test:
        console.print("best checkpoint, on clips it was never trained on")
        console.print(_metrics(outcome))
    if outcome.comparison is not None:
        console.print(_beside_classical(outcome.comparison))
    figures = _figures(run, outcome)
    lines = {
        "trained": f"{trained_s:.0f} s, {run.trainer.global_step} steps",
        "checkpoint": _shown(best_checkpoint(run)),
        "configuration": _shown(run.folder / "config.yaml"),
        "metrics": _shown(_metrics_file(run)),
        "figures": _shown(figures[0].parent if figures else None),
    }
    for name, value in lines.items():
        console.print(f"{name:<14}{value}", soft_wrap=True, highlight=False)
    for title, command in _next_commands(run):
        console.print(f"{title:<14}{command}", soft_wrap=True, highlight=False)


def _figures(run: Run, outcome: Outcome) -> list[Path]:
    """Draw all figures and write the comparison; loggers that take pictures get them."""
    folder = run.folder / "figures"
    curves = draw_curves(run, folder / "learning_curves.png")
    paths = [curves] if curves else []
    if outcome.comparison is not None:
        paths += save_figures(folder, outcome.comparison)
        for name, text in (
            ("comparison.csv", comparison_csv(outcome.comparison)),
            ("comparison.md", comparison_markdown(outcome.comparison)),
        ):
            (run.folder / name).write_text(text, encoding="utf-8")
    if outcome.example is not None:
        clip, reconstruction = outcome.example
        middle = len(clip.observations.time_ns) // 2
        for name, draw in (("overlay", draw_overlay), ("skeleton", draw_actor)):
            save(draw(clip, reconstruction, frame=middle), folder / f"{name}.png")
            paths.append(folder / f"{name}.png")
    for logger in run.trainer.loggers:
        log_image = getattr(logger, "log_image", None)
        if log_image is None:
            continue
        for path in paths:
            log_image(key=path.stem, images=[str(path)])
    return paths


def draw_curves(run: Run, path: Path) -> Path | None:
    """Draw every metric that was logged in training and validation; None where nothing was."""
    file = _metrics_file(run)
    if file is None or not file.is_file():
        return None
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    names = sorted({name.split("/", 1)[1] for row in rows for name in row if name.startswith("val/")})
    if not names:
        return None
    figure, axes = plt.subplots(
        len(names), 1, figsize=(6, 2 * len(names)), sharex=True, squeeze=False, layout="constrained"
    )
    for axis, name in zip(axes[:, 0], names, strict=True):
        for stage in ("train", "val"):
            points = [
                (int(row["step"]), float(row[f"{stage}/{name}"]))
                for row in rows
                if row.get(f"{stage}/{name}")
            ]
            if points:
                axis.plot(*zip(*points, strict=True), label=stage, marker="." if stage == "val" else "")
        axis.set_ylabel(name)
        axis.legend()
    axes[-1, 0].set_xlabel("step")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _metrics(outcome: Outcome) -> Table:
    table = Table()
    table.add_column("metric")
    table.add_column("validation", justify="right")
    table.add_column("test", justify="right")
    for name, value in outcome.test.items():
        table.add_row(name, f"{outcome.validation.get(name, value):.4g}", f"{value:.4g}")
    return table


def _shown(path: Path | None) -> str:
    if path is None:
        return "none"
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _beside_classical(comparison: Comparison) -> Table:
    """Return the short form; comparison.md has every metric with its interval."""
    table = Table(title=f"{comparison.clips} test clips, beside methods without learning")
    table.add_column("method")
    columns = [column for column in COLUMNS if column.metric in _SHOWN]
    for column in columns:
        table.add_column(column.title, justify="right")
    for method in comparison.methods:
        found = [(column, method.summary(column.metric)) for column in columns]
        table.add_row(method.name, *(column.text(each and each.mean) for column, each in found))
    return table


def _metrics_file(run: Run) -> Path | None:
    loggers = [logger for logger in run.trainer.loggers if isinstance(logger, CSVLogger)]
    return Path(loggers[0].log_dir) / "metrics.csv" if loggers else None


def _next_commands(run: Run) -> list[tuple[str, str]]:
    best = best_checkpoint(run)
    if best is None:
        return []
    last = _shown(run.folder / "checkpoints" / "last.ckpt")
    export = f"mvmono3d export {_shown(best)} --out bundles/{run.name}"
    resume = shlex.join([*_asked(), f"ckpt_path={last}", "trainer.max_epochs=MORE"])
    return [("export it", export), ("train on", f"python train.py {resume}")]


def _asked() -> list[str]:
    """Return what the command line asked for, so that the next command asks for the same."""
    if not HydraConfig.initialized():
        return []
    return [word for word in HydraConfig.get().overrides.task if not _of_one_run(word)]


def _of_one_run(word: str) -> bool:
    return word.lstrip("+").startswith(("ckpt_path=", "weights=", "trainer.max_epochs="))
