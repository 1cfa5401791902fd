"""The names and calls that we use exist in TensorRT 10.16 and 11: the real bindings say so, without a GPU."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT

WHEELS = ROOT / ".cache" / "tensorrt_bindings"
VERSIONS = {"10": "10.16", "11": "11."}
FETCH = f"no wheels in {WHEELS.relative_to(ROOT)}: make tensorrt-bindings"


def _unpacked(pattern: str, folder: Path) -> Path:
    wheels = sorted(WHEELS.glob(pattern))
    if not wheels:
        pytest.skip(FETCH)
    with zipfile.ZipFile(wheels[-1]) as archive:
        archive.extractall(folder)
    return folder


def _libraries(folder: Path, major: str) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler for the stand-in library")
    folder.mkdir()
    source = Path(__file__).with_name("stand_in_library.c")
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        target = folder / f"lib{name}.so.{major}"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(target), str(source)], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("major", ["10", "11"])
def test_every_name_and_call_exists_in_the_bindings(tmp_path: Path, major: str):
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    bindings = _unpacked(f"tensorrt_cu13_bindings-{VERSIONS[major]}*-{tag}-*.whl", tmp_path / "bindings")
    cuda = _unpacked(f"cuda_bindings-*-{tag}-{tag}-*.whl", tmp_path / "cuda")
    _unpacked("cuda_pathfinder-*.whl", tmp_path / "cuda")
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(_libraries(tmp_path / "libraries", major)),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, bindings, cuda))),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.deploy.engines.conformance"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"tensorrt {VERSIONS[major]}")
