"""The simulated producer under sanitizers and valgrind, through harvesters and a consumer in C++."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("harvesters", reason="the extra `rig` is not installed")

from mvmono3d.deploy.cameras.producer import Build, build_folder, make, producer
from mvmono3d.errors import ConfigurationError, MissingDependencyError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 6.0
HARVESTERS_TESTS = 117
"""That harvesters 1.4.3 has and runs on any producer."""


def built(build: Build) -> Path:
    try:
        return producer(build)
    except (MissingDependencyError, ConfigurationError) as error:
        pytest.skip(f"no {build} build: {str(error)[:300]}")


def tool(target: str) -> Path:
    try:
        make(target, build_folder())
    except (MissingDependencyError, ConfigurationError) as error:
        pytest.skip(f"no {target}: {str(error)[:300]}")
    return build_folder() / target.replace("-", "_")


def runtime(name: str) -> str:
    """The sanitizer's library, which must be loaded before Python."""
    compiler = os.environ.get("CXX", "g++")
    done = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=False)
    path = done.stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip(f"{compiler} brings no {name}")
    return path


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=550
    )


@pytest.mark.parametrize(
    ("build", "library", "variable", "options"),
    [
        # Python itself leaks by design; what the producer leaks, valgrind sees.
        (Build.ADDRESS, "libasan.so", "ASAN_OPTIONS", "detect_leaks=0:exitcode=66"),
        (Build.THREAD, "libtsan.so", "TSAN_OPTIONS", "exitcode=66:report_signal_unsafe=0"),
    ],
    ids=["address", "thread"],
)
def test_the_live_path_is_clean_under_the_sanitizers(build: Build, library: str, variable: str, options: str):
    path = built(build)
    command = [sys.executable, "-m", "tests.deploy.gentl.worked_rig", str(path), str(SECONDS)]
    # The sanitizer looks for the C++ exceptions of genicam's library when it is loaded itself.
    preload = f"{runtime(library)} {runtime('libstdc++.so.6')}"
    done = run(command, LD_PRELOAD=preload, **{variable: options})
    assert "Sanitizer" not in done.stderr, done.stderr[-4000:]
    assert done.returncode == 0, done.stderr[-4000:]


def test_threads_that_pull_plugs_and_take_frames_race_nowhere():
    path, exercise = built(Build.THREAD), tool("exercise-thread")
    done = run([str(exercise), str(path), "4"], TSAN_OPTIONS="exitcode=66")
    assert "Sanitizer" not in done.stderr, done.stderr[-4000:]
    assert done.returncode == 0, done.stderr[-4000:]


def test_valgrind_finds_no_wrong_access_and_no_leak():
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed: apt install valgrind")
    path, exercise = built(Build.PLAIN), tool("exercise")
    options = ["--quiet", "--error-exitcode=66", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    done = run(["valgrind", *options, str(exercise), str(path), "3"])
    assert done.returncode == 0, done.stderr[-4000:]


def test_harvesters_own_tests_pass_on_our_producer(tmp_path: Path):
    import harvesters.test

    folder = Path(next(iter(harvesters.test.__path__)))
    command = [sys.executable, "-m", "unittest", "discover", "-s", str(folder), "-t", str(folder.parents[1])]
    done = subprocess.run(
        command, env=os.environ | {"HARVESTERS_TEST_TARGET": str(built(Build.PLAIN))}, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=550,
    )  # fmt: skip
    ran = re.search(r"Ran (\d+) tests", done.stderr)
    assert ran is not None, done.stderr[-2000:]
    assert int(ran[1]) >= HARVESTERS_TESTS
    assert done.returncode == 0, done.stderr[-4000:]
