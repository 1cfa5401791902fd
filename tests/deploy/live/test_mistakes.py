"""What a user gets wrong is said in one line, before anything starts."""

import socket
from pathlib import Path

import pytest

from mvmono3d.deploy.__main__ import main
from tests.deploy.live.small_site import write_site


def _said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_missing_site(capsys: pytest.CaptureFixture[str]):
    assert "no site file nowhere/site.yaml" in _said(capsys, "--site", "nowhere/site.yaml")


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]):
    assert "did you mean 'virtual'" in _said(capsys, "--site", "virtul")


def test_a_busy_port(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    site = write_site(tmp_path)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        said = _said(capsys, "--site", str(site), "--port", str(port))
    assert f"port {port}" in said
    assert "--port" in said


def test_an_unknown_scene(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    site = write_site(tmp_path)
    site.write_text(site.read_text().replace("scene: hand", "scene: elephant"))
    said = _said(capsys, "--site", str(site))
    assert "backend.scene" in said
    assert "board, body, hand, hands, people" in said


def test_no_detector(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    site = write_site(tmp_path)
    assert "no detector" in _said(capsys, "--site", str(site), "--detector", "lost", "--no-viewer")


def test_the_truth_of_cameras_that_nobody_knows_it_of(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    site = write_site(tmp_path)
    backend = "backend: {kind: harvesters, producers: [simulated]}"
    lines = [backend if line.startswith("backend:") else line for line in site.read_text().splitlines()]
    site.write_text("\n".join(lines))
    assert "virtual cameras" in _said(capsys, "--site", str(site), "--no-viewer")
