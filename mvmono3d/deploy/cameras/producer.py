"""The simulated GenTL producer: found in the cache, or built with the machine's compiler."""

import hashlib
import os
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path

from mvmono3d.core.resources import resource_folder
from mvmono3d.errors import ConfigurationError, MissingDependencyError


class Build(StrEnum):
    """Which of the producer's builds; the sanitizers need their library loaded before Python."""

    PLAIN = ""
    ADDRESS = "address"
    THREAD = "thread"


def producer(build: Build = Build.PLAIN, *, cache: Path | None = None) -> Path:
    """Return the producer's `.cti`, built first where these sources were never built.

    Args:
        build: With or without a sanitizer.
        cache: Where builds are kept; by default the user's cache folder.

    Raises:
        MissingDependencyError: There is no C++ compiler, or no `make`.
        ConfigurationError: The compiler refused.
    """
    suffix = f"_{build}" if build else ""
    path = build_folder(cache) / f"mvmono3d_rig{suffix}.cti"
    if not path.is_file():
        make(str(build) or "all", path.parent)
    return path


def build_folder(cache: Path | None = None) -> Path:
    """Return the folder of this version's builds: another source text is another folder."""
    root = cache or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mvmono3d"
    digest = hashlib.sha256()
    for path in sorted(_sources().iterdir()):
        if path.suffix in (".cpp", ".hpp") or path.name == "Makefile":
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return root / "gentl_simulator" / digest.hexdigest()[:16]


def make(target: str, folder: Path) -> None:
    """Build one of the Makefile's targets into a folder; raises as `producer` does."""
    missing = [tool for tool in ("make", os.environ.get("CXX", "g++")) if shutil.which(tool) is None]
    if missing:
        raise MissingDependencyError(
            f"the simulated GenTL producer is built with make and g++, but {' and '.join(missing)} can't be "
            f"found; `apt install make g++` or the like, or point CXX to a C++17 compiler"
        )
    command = ["make", "--quiet", "-C", str(_sources()), f"OUT={folder.resolve()}", target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")


def _sources() -> Path:
    return resource_folder("deploy", "gentl_simulator")
