"""Compiled functions that stay on disk.

numba keeps machine code beside the source (`__pycache__`), or, where that folder is read-only, in the
user's cache folder; `NUMBA_CACHE_DIR` names another one. Where nothing can be written at all, functions
are compiled anew in every process instead of failing at import.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from numba import njit

_OPTIONS = {
    # Fused multiply-add is the only liberty: comparisons with NaN and infinity keep their meaning.
    "fastmath": {"contract"},
    # A division by zero gives infinity; checking each one would keep loops from being vectorised.
    "error_model": "numpy",
    "nogil": True,
}


def compiled(function: Callable[..., Any], *, inline: bool = True) -> Any:
    """Compile a function with numba; put `@no_type_check` beneath, annotations are not understood.

    `inline` copies it into every caller: faster for small functions, minutes of compiling for large ones.
    """
    try:
        return njit(cache=True, forceinline=inline, **_OPTIONS)(function)
    except RuntimeError:
        # "no locator available": no folder for the cache can be written.
        return njit(forceinline=inline, **_OPTIONS)(function)


def compiled_after(*modules: ModuleType, inline: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """Return a `compiled` for functions that call compiled functions of other modules.

    numba renews a cached function when its own file changes, not when a callee's does
    (https://numba.readthedocs.io/en/stable/developer/caching.html); this one looks at those files too.
    """
    newest = max(Path(str(module.__file__)).stat().st_mtime for module in modules)
    return partial(_compiled_after, newest=newest, inline=inline)


def _compiled_after(function: Callable[..., Any], *, newest: float, inline: bool) -> Any:
    dispatcher = compiled(function, inline=inline)
    folder = dispatcher.stats.cache_path
    stem = Path(function.__code__.co_filename).stem
    for index in Path(folder).glob(f"{stem}.{function.__qualname__}-*.nbi") if folder else ():
        # Another process may remove it first, and a shared cache may be read-only.
        with suppress(OSError):
            if index.stat().st_mtime < newest:
                index.unlink()
    return dispatcher
