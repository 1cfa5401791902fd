"""Send stress results to Weights & Biases; WANDB_MODE=offline keeps them on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from mvmono3d.errors import MissingDependencyError
from mvmono3d.evaluation.stress.summary import Line
from mvmono3d.evaluation.stress.tables import values_of


def require_wandb() -> ModuleType:
    """Return the package, or raise `MissingDependencyError`: ask before hours of work, not after."""
    try:
        import wandb
    except ImportError:
        raise MissingDependencyError(
            "--wandb needs wandb, which is not installed: pip install 'mvmono3d[wandb]'"
        ) from None
    return wandb


def track(
    project: str, lines: Sequence[Line], *, config: Mapping[str, str], pictures: Sequence[Path]
) -> None:
    """Log a table of all numbers, the same as ROW/METHOD/MEASURE in the run's summary, and the pictures."""
    wandb = require_wandb()
    values = [values_of(line) for line in lines]
    names = list(dict.fromkeys(name for each in values for name in each))
    rows = [
        [line.title, line.method, *(each.get(name) for name in names)]
        for line, each in zip(lines, values, strict=True)
    ]
    with wandb.init(project=project, job_type="stress", config=dict(config)) as run:
        run.log({"stress": wandb.Table(columns=["row", "method", *names], data=rows)})
        run.log({path.stem: wandb.Image(str(path)) for path in pictures})
        for line, each in zip(lines, values, strict=True):
            known = {name: value for name, value in each.items() if value is not None}
            run.summary.update({f"{line.row}/{line.method}/{name}": value for name, value in known.items()})
