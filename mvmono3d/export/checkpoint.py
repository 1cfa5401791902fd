"""A trained reconstructor from its checkpoint and the configuration beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvmono3d.errors import ConfigurationError, InvalidFileError
from mvmono3d.export.saved_run import Plain, build, fill, read_run
from mvmono3d.pipeline.reconstructor import Reconstructor


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A reconstructor with its weights, and where they come from."""

    reconstructor: Reconstructor
    skeleton: Mapping[str, Any]
    """The skeleton's YAML, parsed."""
    training: Mapping[str, Plain]
    measured: str
    """The run's own comparison with the classical methods, in Markdown; empty where it made none."""


def load_trained(path: Path) -> Trained:
    """Load a checkpoint; raises `InvalidFileError`, `IntegrityError` or `ConfigurationError` in one line."""
    run = read_run(path)
    if "reconstructor" not in run.config["task"]:
        raise InvalidFileError(
            f"the task of {path} has no reconstructor: only reconstructor tasks, and networks that find "
            "joints in crops, become bundles (experiment=ssl_multiview, experiment=detector)"
        )
    reconstructor = build(run.config["task"]["reconstructor"], where=f"{path}, task.reconstructor")
    if not isinstance(reconstructor, Reconstructor):
        raise ConfigurationError(f"{path}: task.reconstructor builds a {type(reconstructor).__name__}")
    fill(reconstructor, run, prefix="reconstructor.")
    return Trained(
        reconstructor=reconstructor.eval(),
        skeleton=run.config["skeleton"],
        training=run.training,
        measured=run.measured,
    )
