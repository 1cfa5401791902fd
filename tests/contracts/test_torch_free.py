"""The runtime and the viewer start without anything that only training needs."""

import subprocess
import sys

import pytest

from tests.contracts.repository import ROOT, name_of

TRAINING_ONLY = (
    *("torch", "lightning", "hydra", "omegaconf", "wandb", "kornia", "open3d"),
    *("onnx", "onnxscript"),
)
ROOMS = (
    *("deploy", "calibration", "association", "synthetic", "pointcloud"),
    *("formats", "geometry", "core", "viewer"),
)

_REPORT = f"import sys; print([name for name in {TRAINING_ONLY!r} if name in sys.modules])"


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def _modules(room: str) -> list[str]:
    paths = sorted((ROOT / "mvmono3d" / room).rglob("*.py"))
    names = [name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.endswith("__main__")]


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_imports_what_only_training_needs(room: str):
    assert (
        _run(f"import importlib\nfor name in {_modules(room)!r}: importlib.import_module(name)\n{_REPORT}")
        == "[]"
    )


def test_the_runtime_starts_without_what_only_training_needs():
    start = """
import contextlib, io, runpy, sys
sys.argv = ["mvmono3d.deploy", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    runpy.run_module("mvmono3d.deploy", run_name="__main__")
"""
    assert _run(start + _REPORT) == "[]"


def test_the_runtime_works_where_torch_cannot_be_imported():
    block = "import sys\n" + "\n".join(f"sys.modules[{name!r}] = None" for name in TRAINING_ONLY)
    names = [name for room in ROOMS for name in _modules(room)]
    code = f"{block}\nimport importlib\nfor name in {names!r}: importlib.import_module(name)\nprint('fine')"
    assert _run(code) == "fine"


def test_importing_the_package_imports_nothing():
    code = "import sys; before = set(sys.modules); import mvmono3d; print(sorted(set(sys.modules) - before))"
    assert _run(code) == "['mvmono3d']"


def test_importing_the_package_takes_no_time():
    # Against numpy's own import in the same minute: a busy machine slows both down.
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    ours = min(float(_run(code.format("mvmono3d"))) for _ in range(3))
    theirs = min(float(_run(code.format("numpy"))) for _ in range(3))
    assert ours < max(0.05, theirs), f"{ours:.3f} s, numpy {theirs:.3f} s"
