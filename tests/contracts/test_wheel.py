"""The wheel holds the package and its configuration, and nothing else."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation, "-w", str(folder)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = Path(folder).glob("mvmono3d-*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_every_module_is_in_the_wheel(wheel: list[str]):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mvmono3d").rglob("*.py")}
    assert modules <= set(wheel)
    assert "mvmono3d/py.typed" in wheel


def test_every_configuration_is_in_the_wheel(wheel: list[str]):
    names = {
        f"mvmono3d/resources/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "conf").rglob("*.yaml")
    }
    assert names <= set(wheel)


def test_the_site_that_needs_no_hardware_is_in_the_wheel(wheel: list[str]):
    names = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deploy/sites/virtual").iterdir()}
    assert {f"mvmono3d/resources/{name}" for name in names} <= set(wheel)


def test_nothing_else_is_in_the_wheel(wheel: list[str]):
    others = [name for name in wheel if not name.startswith(("mvmono3d/", "mvmono3d-"))]
    assert not others
    data = [name for name in wheel if name.endswith((".npz", ".npy", ".mcap", ".ckpt", ".pyc"))]
    assert not [name for name in data if not _is_selftest(name)]


def test_every_released_bundle_is_in_the_wheel_with_its_selftest(wheel: list[str]):
    bundles = [path.parent.relative_to(ROOT) for path in ROOT.glob("deploy/models/*/manifest.json")]
    graphs = {folder: [path.name for path in (ROOT / folder).glob("*.onnx")] for folder in bundles}
    assert all(graphs.values())
    files = ("manifest.json", "selftest.npz", "MODEL_CARD.md")
    names = {
        f"mvmono3d/resources/{folder.as_posix()}/{file}"
        for folder in bundles
        for file in (*files, *graphs[folder])
    }
    assert names <= set(wheel)


def _is_selftest(name: str) -> bool:
    """Say whether a file is the self-test of a bundle: simulated frames, by which it is checked."""
    return name.startswith("mvmono3d/resources/deploy/models/") and name.endswith("/selftest.npz")
