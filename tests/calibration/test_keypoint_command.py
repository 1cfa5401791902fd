"""`mvmono3d calibrate --keypoints` as a user meets it."""

import json

import numpy as np
import pytest

from mvmono3d.cli import main
from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.rig_file import read_rig, write_rig
from tests.calibration.people import ring
from tests.calibration.test_keypoint_refine import HIP, KNEE, apart
from tests.calibration.test_keypoint_rig import SKELETON, seen, walked


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with the detections of people and the cameras' lenses."""
    folder, rig = tmp_path_factory.mktemp("people"), ring(0)
    write_detections(
        folder / "people.npz",
        Detections(observations=seen(rig), views=rig.names, joints=SKELETON.joints, skeleton=SKELETON.name),
    )
    write_rig(folder / "lenses.toml", rig)
    return folder


def calibrate(recorded, out, *options):
    return main(["calibrate", str(recorded / "people.npz"), "--keypoints", "--out", str(out), *options])


@pytest.mark.slow
def test_people_become_a_rig_and_a_report(recorded, tmp_path, capsys):
    thigh = float(np.median(np.linalg.norm(walked()[:, KNEE] - walked()[:, HIP], axis=-1)))
    code = calibrate(
        recorded, tmp_path / "rig.toml", "--lenses", str(recorded / "lenses.toml"),
        "--length", "left_knee", "left_hip", f"{thigh:.4f}", "--report", str(tmp_path),
    )  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("Accepted: 4 cameras placed by")
    found = read_rig(tmp_path / "rig.toml")
    turn_deg, place_m = apart(found, ring(0))
    assert turn_deg < 0.3
    assert place_m < 0.1
    assert dict(found.metadata)["target"].startswith("joints; scale by left_knee to left_hip")
    told = json.loads((tmp_path / "calibration.json").read_text())
    assert told["verdict"] == "accepted"
    assert [camera["name"] for camera in told["cameras"]] == list(ring(0).names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--keypoints needs --lenses RIG, or --guess"),
        (("--guess", "1280", "1024", "60"), "--keypoints needs --length"),
        (("--guess", "1280", "1024", "0"), "5 to 150 degrees"),
        (("--guess", "1280", "1024", "60", "--length", "nose", "nose", "1"), "nose twice"),
        (("--guess", "1280", "1024", "60", "--length", "nose", "left_hip", "long"), "a number of metres"),
        (("--guess", "1280", "1024", "60", "--length", "nose", "tail", "1"), "no joint 'tail'"),
    ],
)
def test_mistakes_are_one_line(recorded, tmp_path, capsys, options, message):
    assert calibrate(recorded, tmp_path / "rig.toml", *options) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "rig.toml").exists()
