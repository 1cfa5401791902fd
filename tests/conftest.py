"""What tests of every room share: where the real recordings lie."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real recordings: MVMONO3D_REALDATA, or `../shared/data` beside the checkout."""
    given = os.environ.get("MVMONO3D_REALDATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder} (set MVMONO3D_REALDATA)")
    return folder


@pytest.fixture(scope="session")
def pose2sim(realdata: Path) -> Path:
    """A person balancing before four cameras, with OpenPose's BODY_25B joints."""
    return _part(realdata, "pose2sim_demo")


@pytest.fixture(scope="session")
def mouse(realdata: Path) -> Path:
    """A mouse before four cameras, with SLEAP's joints; the calibration is in millimetres."""
    return _part(realdata, "mouse_4mono")


def _part(realdata: Path, name: str) -> Path:
    if not (realdata / name).is_dir():
        pytest.skip(f"no real recording {realdata / name}")
    return realdata / name
