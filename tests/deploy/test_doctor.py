import argparse
import importlib.metadata
from pathlib import Path

import pytest

from mvmono3d.deploy.doctor import examine, judge_opencv, run, version_of


def test_this_installation_is_healthy(capsys: pytest.CaptureFixture[str]):
    assert run(argparse.Namespace(rig=None)) == 0
    out = capsys.readouterr().out
    assert "BAD" not in out
    assert f"numpy {importlib.metadata.version('numpy')}" in out
    assert "hand21" in out


def test_every_red_line_says_what_to_do():
    assert all(finding.healthy or finding.remedy for finding in examine())


@pytest.mark.parametrize(
    ("wheels", "words"),
    [
        ((), "none"),
        (("opencv-python 4.13.0", "opencv-python-headless 5.0.0"), "uninstall -y opencv-python opencv-"),
    ],
)
def test_none_or_two_opencv_wheels_are_red(wheels: tuple[str, ...], words: str):
    finding = judge_opencv(wheels)
    assert not finding.healthy
    assert words in finding.state + finding.remedy
    assert "opencv-python-headless" in finding.remedy


def test_one_opencv_wheel_is_green_whichever_it_is():
    assert judge_opencv(("opencv-contrib-python 4.10.0",)).healthy


def test_a_package_that_is_absent_has_no_version():
    assert version_of("mvmono3d-does-not-exist") is None


def test_a_cache_that_cannot_be_written_is_red(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    blocked = tmp_path / "file"
    blocked.write_text("a file is no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert run(argparse.Namespace(rig=None)) == 1
    assert "set NUMBA_CACHE_DIR" in capsys.readouterr().out
