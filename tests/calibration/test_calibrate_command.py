"""`mvmono3d calibrate` as a user meets it: the verdict, the files, and what is not written."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.calibration.board_file import write_board
from mvmono3d.calibration.calibrate_command import REFUSED
from mvmono3d.calibration.sightings_file import read_sightings, write_sightings
from mvmono3d.cli import main
from mvmono3d.core.rig_file import read_rig
from tests.calibration.printed import CHARUCO
from tests.calibration.rig_faults import flipped
from tests.calibration.rig_sets import photographed, random_world


@pytest.fixture(scope="module")
def corners(tmp_path_factory):
    path = tmp_path_factory.mktemp("sightings") / "corners.npz"
    write_sightings(path, photographed(random_world(3, views=2, poses=15), noise_px=0.2, hidden=0.3))
    return path


def calibrate(corners, folder, *options):
    out, report = folder / "rig.toml", folder / "report"
    code = main(
        [
            "calibrate",
            str(corners),
            "--out",
            str(out),
            "--report",
            str(report),
            "--models",
            "pinhole2",
            *options,
        ]
    )
    return code, out, report


def test_a_good_set_becomes_a_rig_and_a_report(corners, tmp_path, capsys):
    code, out, report = calibrate(corners, tmp_path, "--temperature", "21.5")
    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("Accepted: 2 cameras")
    rig = read_rig(out)
    assert rig.names == ("cam0", "cam1")
    assert dict(rig.metadata)["temperature_c"] == "21.5"
    told = json.loads((report / "calibration.json").read_text())
    assert told["verdict"] == "accepted"
    assert told["inputs_sha256"] == dict(rig.metadata)["inputs_sha256"]
    assert [camera["name"] for camera in told["cameras"]] == ["cam0", "cam1"]
    for camera in told["cameras"]:
        assert camera["held_out_px"] < 0.4
        assert camera["held_out_mm"] < 1.0
    page = (report / "calibration.html").read_text()
    assert page.index("Accepted") < page.index("<table>")
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 4
    assert not re.search(r'(src|href)="(?!data:)', page), "the page must hold everything itself"


def test_a_refused_set_writes_the_report_alone(corners, tmp_path, capsys):
    bad = tmp_path / "mirrored.npz"
    write_sightings(bad, flipped(read_sightings(corners), [1], axis=0))
    code, out, report = calibrate(bad, tmp_path)
    said = capsys.readouterr().out
    assert code == REFUSED
    assert said.startswith("Refused, no rig is written: mirrored images")
    assert "refuse: mirrored images: cam1" in said
    assert "do: switch off mirroring" in said
    assert not out.exists()
    assert json.loads((report / "calibration.json").read_text())["verdict"] == "refused"
    assert "refused" in (report / "calibration.html").read_text()


def test_an_old_rig_stays_where_a_check_refuses(corners, tmp_path):
    (tmp_path / "rig.toml").write_text("old")
    bad = tmp_path / "few.npz"
    few = read_sightings(corners)
    write_sightings(bad, replace(few, pixels=few.pixels[:3], seen=few.seen[:3], labels=few.labels[:3]))
    assert calibrate(bad, tmp_path)[0] == REFUSED
    assert (tmp_path / "rig.toml").read_text() == "old"


def test_corners_are_saved_as_they_were_read(corners, tmp_path):
    few = read_sightings(corners)
    bad = tmp_path / "few.npz"
    write_sightings(bad, replace(few, pixels=few.pixels[:3], seen=few.seen[:3], labels=few.labels[:3]))
    calibrate(bad, tmp_path, "--save-corners", str(tmp_path / "again.npz"))
    again = read_sightings(tmp_path / "again.npz")
    np.testing.assert_array_equal(again.pixels, few.pixels[:3])
    assert again.labels == few.labels[:3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--board", "none.toml"], "can't read board"),
        (["--frames", "0"], "expected at least 1"),
        (["--models", "pinhole9"], "invalid choice"),
        (["--world", "floor"], "no board pose 'floor'"),
    ],
)
def test_mistakes_are_one_line(corners, tmp_path, capsys, options, message):
    try:
        code = calibrate(corners, tmp_path, *options)[0]
    except SystemExit as leaving:
        code = leaving.code
    said = capsys.readouterr().err
    assert code == 2
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "rig.toml").exists()


def test_another_board_is_refused(corners, tmp_path, capsys):
    write_board(tmp_path / "board.toml", CHARUCO)
    assert calibrate(corners, tmp_path, "--board", str(tmp_path / "board.toml"))[0] == 2
    assert "are not the board's" in capsys.readouterr().err


def test_the_verb_starts_without_torch():
    code = (
        "import sys\nfrom mvmono3d.cli import main\n"
        "try: main(['calibrate', '--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'lightning', 'hydra', 'wandb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
