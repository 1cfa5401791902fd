"""Make what a cache lacks: over several processes, with a progress bar, named by the code that makes it."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from mvmono3d.core.schema import sha256_of_bytes, sha256_of_file

Made = TypeVar("Made")


def produce(
    make: Callable[..., Made], *arguments: Sequence[Any], title: str, processes: int, chunk: int = 4
) -> Iterator[Made]:
    """Yield `make` of the first of all arguments, of the second, and so on.

    Args:
        make: a function that another process can import.
        arguments: sequences of equal length.
        title: of the progress bar, which only a terminal shows.
        processes: how many work at it; 1 makes it here.
        chunk: how many each takes at a time.
    """
    console = Console(stderr=True)
    shown = {"total": len(arguments[0]), "console": console, "disable": not console.is_terminal}
    if processes <= 1:
        yield from track(map(make, *arguments), title, **shown)
        return
    # Spawned, not forked: torch's threads in this process don't survive a fork.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from track(pool.map(make, *arguments, chunksize=chunk), title, **shown)


def code_hash(make: Callable[..., Any]) -> str:
    """Return a hash of the package, or else the file, that a function is defined in."""
    function = make.func if isinstance(make, partial) else make
    file = Path(inspect.getfile(function))
    package = (file.parent / "__init__.py").is_file()
    files = sorted(file.parent.rglob("*.py")) if package else [file]
    return sha256_of_bytes(*(sha256_of_file(path).encode() for path in files))
