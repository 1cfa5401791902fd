"""Find mistakes in a command line before anything else happens: the nearest name, in one line."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mvmono3d.errors import ConfigurationError, unknown_name

_ELSEWHERE = (
    "--config-dir",
    "-cd",
    "--config-path",
    "-cp",
    "--config-name",
    "-cn",
    "--help",
    "-h",
    "--hydra",
)
_SEARCH_PATH = "hydra.searchpath"
_FILE = "file://"
_ABSENT = object()
_OWN_FILE = {"skeleton": "; for a file of your own say skeleton_file=PATH"}


def check_command_line(arguments: Sequence[str], *, folder: Path) -> None:
    """Raise `UnknownNameError` or `ConfigurationError` for an override that can't be meant.

    Arguments that make Hydra look for its configuration elsewhere are left to Hydra.
    """
    if any(argument.startswith(_ELSEWHERE) for argument in arguments):
        return
    texts = [argument for argument in arguments if not argument.startswith("-")]
    with initialize_config_dir(str(folder.resolve()), version_base="1.3"):
        line = _CommandLine(
            overrides=_parse(texts),
            folder=folder,
            sweeps=any(argument in ("-m", "--multirun") for argument in arguments),
        )
        line.check_choices()
        line.check_sweeps()
        line.check_keys()
        if not line.sweeps:
            _compose(texts)


@dataclass(frozen=True, kw_only=True)
class _CommandLine:
    """Overrides, and what they may name."""

    overrides: tuple[Override, ...]
    folder: Path
    sweeps: bool

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """The options of every configuration group, also of the user's own search path."""
        folders = [self.folder]
        for override in self.overrides:
            if override.key_or_group == _SEARCH_PATH:
                folders += [Path(str(each).removeprefix(_FILE)) for each in _values(override)]
        found: dict[str, list[str]] = {}
        for folder in folders:
            for path in sorted(folder.rglob("*.yaml")):
                group = path.parent.relative_to(folder).as_posix()
                found.setdefault(group, []).append(path.stem)
        return {group: tuple(names) for group, names in found.items() if group not in (".", "hydra")}

    def check_choices(self) -> None:
        """Refuse an option that its group doesn't have."""
        for override in self.overrides:
            group = override.key_or_group
            for choice in _values(override) if group in self.groups else ():
                if choice not in (*self.groups[group], "null", "None", ""):
                    error = unknown_name(group, choice, self.groups[group])
                    raise type(error)(f"{error}{_OWN_FILE.get(group, '')}")

    def check_sweeps(self) -> None:
        """Refuse several values where only one run was asked for."""
        for override in self.overrides:
            if override.is_sweep_override() and not self.sweeps:
                raise ConfigurationError(f"{override.input_line!r} names several values: add -m for a sweep")

    def check_keys(self) -> None:
        """Refuse a key that the chosen configuration doesn't have."""
        base = _compose(self._chosen(only_paths=True))
        known = _compose(self._chosen(only_paths=False))
        for key in known:
            if key not in base:
                raise unknown_name("key", str(key), map(str, base), where="the chosen experiment or preset")
        for override in self.overrides:
            key = override.key_or_group
            if key in self.groups or key.startswith("hydra"):
                continue
            if override.type in (OverrideType.ADD, OverrideType.FORCE_ADD):
                if key.split(".")[0] not in base:
                    raise unknown_name("key", key, self._names(base))
            elif _at(known, key.split(".")) is _ABSENT:
                raise self._unknown_key(key, known)

    def _chosen(self, *, only_paths: bool) -> list[str]:
        chosen = []
        for override in self.overrides:
            if override.key_or_group in self.groups and not only_paths:
                sweep = override.is_sweep_override()
                first = f"{override.get_key_element()}={next(iter(_values(override)), 'null')}"
                chosen.append(first if sweep else override.input_line or "")
            elif override.key_or_group == _SEARCH_PATH:
                chosen.append(override.input_line or "")
        return chosen

    def _names(self, config: Mapping[str, Any]) -> list[str]:
        return sorted({*map(str, config), *self.groups})

    def _unknown_key(self, key: str, known: Mapping[str, Any]) -> Exception:
        *parents, _ = key.replace("/", ".").split(".")
        while parents and not isinstance(_at(known, parents), Mapping):
            parents.pop()
        prefix = "".join(f"{parent}." for parent in parents)
        names = [f"{prefix}{name}" for name in _at(known, parents)] if parents else self._names(known)
        if not difflib.get_close_matches(key, names, n=1):
            last = key.split(".")[-1]
            names += [path for path in _paths(known) if path.split(".")[-1] == last]
        error = unknown_name("key", key, names)
        return type(error)(f"{error}{f'; +{key}=… adds it' if parents else ''}")


def _parse(texts: Sequence[str]) -> tuple[Override, ...]:
    for text in texts:
        if "=" not in text and not text.startswith("~"):
            raise ConfigurationError(f"can't read {text!r}; expected key=value, such as experiment=NAME")
    try:
        return tuple(OverridesParser.create().parse_overrides(overrides=list(texts)))
    except HydraException as error:
        raise ConfigurationError(f"can't read {_one_line(error)}") from None


def _values(override: Override) -> list[str]:
    if override.type is OverrideType.DEL:
        return []
    if override.is_sweep_override():
        return (
            [str(each) for each in override.sweep_string_iterator()] if override.is_discrete_sweep() else []
        )
    value = override.value()
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _paths(config: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from _paths(value, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix


def _at(config: Mapping[str, Any], path: Sequence[str]) -> Any:
    place: Any = config
    for part in path:
        if not isinstance(place, Mapping) or part not in place:
            return _ABSENT
        place = place[part]
    return place


def _compose(overrides: Sequence[str]) -> dict[str, Any]:
    try:
        config: Any = OmegaConf.to_container(compose("train", overrides=list(overrides)), resolve=False)
        return config
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigurationError(_one_line(error)) from None


def _one_line(error: Exception) -> str:
    text = str(error) if str(error).strip() else str(error.__cause__ or error)
    return " ".join(text.split())
