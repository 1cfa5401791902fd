"""From a composed configuration to objects: the only place that knows Hydra's `instantiate`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import hydra.utils
import lightning
import yaml
from hydra.errors import InstantiationException
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mvmono3d.data.crop_module import CropDataModule
from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.errors import (
    ConfigurationError,
    InvalidFileError,
    MissingDependencyError,
    MVMono3DError,
)
from mvmono3d.training.constructor_check import ALLOWED, check_constructors

Config: TypeAlias = Any
"""An `omegaconf.DictConfig`; the import hook of the tests can't check its kind."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that one training needs, built and checked."""

    name: str
    """Name of the experiment."""
    seed: int
    folder: Path
    """Where its results go."""
    config: Mapping[str, Any]
    """The resolved configuration, plain values."""
    task: lightning.LightningModule
    data: ClipDataModule | CropDataModule
    trainer: lightning.Trainer
    ckpt_path: Path | None
    """The checkpoint to go on from."""
    weights: Path | None
    """The checkpoint whose weights to begin with."""
    objective: str | None
    """The logged metric that a sweep optimises."""
    evaluate: bool
    """Whether the trained task is tested and compared with classical methods."""


def build(cfg: Config) -> Run:
    """Check the configuration against the constructors, then call them. No data is touched."""
    config = resolve(cfg)
    check_constructors(config, allowed=(*ALLOWED, *(f"{name}." for name in config["own_packages"])))
    return Run(
        name=config["name"],
        seed=config["seed"],
        folder=Path(config["paths"]["run"]),
        config=config,
        task=_make(config["task"]),
        data=_make(config["data"]),
        trainer=_make_trainer(config),
        ckpt_path=Path(config["ckpt_path"]) if config["ckpt_path"] else None,
        weights=Path(config["weights"]) if config["weights"] else None,
        objective=config["objective"],
        evaluate=config["evaluate"],
    )


def resolve(cfg: Config) -> dict[str, Any]:
    """Return the configuration as plain values, with the user's own skeleton in its place."""
    cfg = cfg.copy()
    OmegaConf.set_struct(cfg, False)
    if cfg.skeleton_file:
        cfg.skeleton = _read_yaml(Path(cfg.skeleton_file))
        cfg.skeleton_source = cfg.skeleton_file
    try:
        config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigurationError(" ".join(str(error).split())) from None
    return {str(key): value for key, value in dict(config).items()} if isinstance(config, dict) else {}


def _make_trainer(config: Mapping[str, Any]) -> lightning.Trainer:
    trainer = _make({**config["trainer"], "_partial_": True})
    callbacks, loggers = _make_all(config["callbacks"]), _make_all(config["logger"])
    try:
        return trainer(callbacks=callbacks, logger=loggers)
    except (ValueError, MisconfigurationException) as error:
        raise ConfigurationError(f"trainer: {' '.join(str(error).split())}") from None


def _make(node: Mapping[str, Any]) -> Any:
    try:
        return hydra.utils.instantiate(dict(node), _convert_="all")
    except InstantiationException as error:
        raise _plain_error(error, str(node["_target_"])) from None


def _plain_error(error: Exception, target: str) -> Exception:
    """Return the user's mistake behind Hydra's wrapper; anything else is a bug and keeps its trace."""
    cause = error.__cause__
    if isinstance(cause, MVMono3DError):
        return cause
    if isinstance(cause, ModuleNotFoundError):
        package = str(cause.name or cause).split(".")[0]
        return MissingDependencyError(f"{target} needs a package that is not installed: {package}")
    if isinstance(cause, (ValueError, MisconfigurationException)):
        return ConfigurationError(f"{target}: {' '.join(str(cause).split())}")
    return cause if isinstance(cause, Exception) else error


def _make_all(nodes: Mapping[str, Mapping[str, Any] | None] | None) -> Sequence[Any]:
    return [_make(node) for node in (nodes or {}).values() if node]


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"can't read skeleton_file {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InvalidFileError(f"skeleton_file {path} is not YAML: {' '.join(str(error).split())}") from None
