"""Compiled code must be kept where it can, and never stand in the way where it can't."""

import os
import subprocess
import sys
from pathlib import Path

CALLEE = """
from typing import no_type_check
from mvmono3d.geometry.compiled import compiled

@compiled
@no_type_check
def number():
    return {number}
"""
CALLER = """
from typing import no_type_check
import callee
from mvmono3d.geometry.compiled import compiled_after

@compiled_after(callee)
@no_type_check
def twice():
    return 2 * callee.number()
"""


def run(code, folder, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(Path.cwd())]), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def write(path, text, second):
    path.write_text(text)
    os.utime(path, (second, second))


def test_a_change_in_a_callee_of_another_file_is_seen(tmp_path):
    write(tmp_path / "caller.py", CALLER, 1_000_000_000)
    write(tmp_path / "callee.py", CALLEE.format(number=21), 1_000_000_000)
    code = "import caller; print(caller.twice())"
    assert run(code, tmp_path) == "42"
    (tmp_path / "callee.py").write_text(CALLEE.format(number=4))
    newer = (tmp_path / "callee.py").stat().st_mtime + 10
    os.utime(tmp_path / "callee.py", (newer, newer))
    assert run(code, tmp_path) == "8"


def test_the_cache_folder_can_be_named(tmp_path):
    write(tmp_path / "callee.py", CALLEE.format(number=7), 1_000_000_000)
    store = tmp_path / "store"
    run("import callee; callee.number()", tmp_path, NUMBA_CACHE_DIR=str(store))
    assert list(store.rglob("*.nbi"))


def test_without_a_writable_folder_it_still_runs(tmp_path):
    write(tmp_path / "callee.py", CALLEE.format(number=7), 1_000_000_000)
    # A cache locator that never finds a place is what a read-only container looks like to numba.
    code = (
        "from numba.core.caching import CacheImpl; CacheImpl._locator_classes = [];"
        "import callee; print(callee.number())"
    )
    assert run(code, tmp_path) == "7"
