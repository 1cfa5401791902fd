"""From a composed configuration to objects: the only place that knows Hydra's `instantiate`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra.utils
import lightning
import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mvmono3d.data.datamodule import ClipDataModule
from mvmono3d.errors import ConfigurationError, InvalidFileError
from mvmono3d.training.constructor_check import ALLOWED, check_constructors


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
    data: ClipDataModule
    trainer: lightning.Trainer
    ckpt_path: Path | None
    """The checkpoint to go on from."""
    weights: Path | None
    """The checkpoint whose weights to begin with."""
    objective: str | None
    """The logged metric that a sweep optimises."""
    evaluate: bool
    """Whether the trained task is tested and compared with classical methods."""


def build(cfg: DictConfig) -> Run:
    """Check the configuration against the constructors, then call them. No data is touched."""
    config = resolve(cfg)
    check_constructors(config, allowed=(*ALLOWED, *(f"{name}." for name in config["own_packages"])))
    trainer = _make(config["trainer"], partial=True)
    return Run(
        name=config["name"],
        seed=config["seed"],
        folder=Path(config["paths"]["run"]),
        config=config,
        task=_make(config["task"]),
        data=_make(config["data"]),
        trainer=trainer(callbacks=_make_all(config["callbacks"]), logger=_make_all(config["logger"])),
        ckpt_path=Path(config["ckpt_path"]) if config["ckpt_path"] else None,
        weights=Path(config["weights"]) if config["weights"] else None,
        objective=config["objective"],
        evaluate=config["evaluate"],
    )


def resolve(cfg: DictConfig) -> dict[str, Any]:
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


def _make(node: Mapping[str, Any], *, partial: bool = False) -> Any:
    wanted = {**node, "_partial_": True} if partial else dict(node)
    return hydra.utils.instantiate(wanted, _convert_="all")


def _make_all(nodes: Mapping[str, Mapping[str, Any] | None] | None) -> Sequence[Any]:
    return [_make(node) for node in (nodes or {}).values() if node]


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"can't read skeleton_file {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InvalidFileError(f"skeleton_file {path} is not YAML: {' '.join(str(error).split())}") from None
