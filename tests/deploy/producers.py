"""The GenTL producers that tests load: a process has one Harvester, so that all tests name the same ones."""

import importlib.util
from pathlib import Path

from mvmono3d.deploy.cameras.producer import producer

RIG = ("SIM0001", "SIM0002", "SIM0003", "SIM0004")


def viky() -> Path | None:
    """The producer that comes with the package genicam, where it does: one that we did not write."""
    found = importlib.util.find_spec("genicam")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).with_name("viky.cti")
    return path if path.is_file() else None


def producers() -> tuple[str, ...]:
    """The simulated rig, and viky where there is one. Raises `MissingDependencyError` without a compiler."""
    other = viky()
    return (str(producer()), *(() if other is None else (str(other),)))
