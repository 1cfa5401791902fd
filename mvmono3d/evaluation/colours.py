"""One colour per method, the same in every picture."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

_CLASSICAL: Mapping[str, str] = MappingProxyType(
    {"dlt": "#999999", "robust": "#2e6f95", "kalman": "#d1495b", "map": "#7b4fa3"}
)
_OTHERS = ("#3a7d44", "#edae49", "#00798c", "#8c564b", "#e377c2")


def colours_of(methods: Iterable[str]) -> dict[str, str]:
    """Return name → colour: the classical methods have their own, models follow in the order they come."""
    names = list(dict.fromkeys(methods))
    models = [name for name in names if name not in _CLASSICAL]
    given = {name: _OTHERS[place % len(_OTHERS)] for place, name in enumerate(models)}
    return {name: _CLASSICAL.get(name) or given[name] for name in names}
