"""Compare configured values with the constructors that take them, before any of them is called."""

import importlib
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from mvmono3d.errors import ConfigurationError, unknown_name

ALLOWED = ("mvmono3d.", "lightning.pytorch.", "torch.optim.", "torch.nn.")
"""What a configuration may construct. Hydra runs whatever `_target_` names; we don't let it."""
_PLAIN = (bool, int, float, str)
_OWN = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}


def check_constructors(config: Any, *, allowed: Sequence[str], where: str = "") -> None:
    """Refuse a target outside `allowed`, an argument it doesn't have, lacks, or of a wrong plain type."""
    if isinstance(config, Mapping):
        if "_target_" in config:
            _check_call(config, allowed=allowed, where=where)
        for key, value in config.items():
            check_constructors(value, allowed=allowed, where=f"{where}.{key}" if where else str(key))
    elif isinstance(config, list):
        for index, value in enumerate(config):
            check_constructors(value, allowed=allowed, where=f"{where}[{index}]")


def find_target(name: str, *, allowed: Sequence[str], where: str) -> Callable[..., Any]:
    """Import what a `_target_` names; raises `ConfigurationError` when it may not or does not exist."""
    if not str(name).startswith(tuple(allowed)):
        raise ConfigurationError(
            f"{where}._target_ is {name!r}; expected something from {', '.join(allowed)} "
            "(own_packages=[mypackage] allows your own)"
        )
    parts = name.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError as error:
            if error.name and not name.startswith(error.name):
                raise
            continue
        return _attribute(found, parts[split:], name, where)
    raise ConfigurationError(f"{where}._target_: no module for {name!r}")


def _attribute(found: Any, names: Sequence[str], target: str, where: str) -> Callable[..., Any]:
    for name in names:
        if not hasattr(found, name):
            known = [each for each in dir(found) if not each.startswith("_")]
            raise unknown_name("name", name, known, where=f"{where}._target_ {target}")
        found = getattr(found, name)
    return found


def _check_call(config: Mapping[str, Any], *, allowed: Sequence[str], where: str) -> None:
    target = find_target(config["_target_"], allowed=allowed, where=where)
    parameters = inspect.signature(target).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    given = {key: value for key, value in config.items() if key not in _OWN}
    hints = _hints(target)
    for key, value in given.items():
        if key not in parameters:
            if open_ended:
                continue
            raise unknown_name("argument", key, parameters, where=f"{where} ({config['_target_']})")
        _check_type(value, hints.get(key), where=f"{where}.{key}")
    if config.get("_partial_"):
        return
    for key, parameter in parameters.items():
        named = parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if named and parameter.default is parameter.empty and key not in given and "_args_" not in config:
            raise ConfigurationError(f"{where} ({config['_target_']}): no value for {key!r}")


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    function = target.__init__ if isinstance(target, type) else target
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        # A library's annotation that can't be evaluated here: its own checks must do.
        return {}


def _check_type(value: Any, hint: Any, *, where: str) -> None:
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if all(option in (*_PLAIN, type(None)) for option in options):
        # In YAML 1 is a fine float, but true is no number.
        fits = type(value) in options or (type(value) is int and float in options)
    else:
        fits = not (type(value) is str and _wants_a_number(options))
    if not fits:
        names = " or ".join("null" if option is type(None) else option.__name__ for option in options)
        raise ConfigurationError(f"{where} is {value!r}; expected {names}")


def _wants_a_number(options: Sequence[Any]) -> bool:
    """Say whether the options are classes, a number among them, of which none takes a text."""
    classes = all(isinstance(option, type) and option not in (str, Path) for option in options)
    return classes and any(option in (int, float) for option in options)
