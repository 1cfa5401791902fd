from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mvmono3d.calibration.guard_age import AgeRules, Freshness, age_of
from mvmono3d.calibration.guard_boards import check_boards, repaired_by_boards
from mvmono3d.calibration.sightings_file import write_sightings
from mvmono3d.cli import main
from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidFileError
from mvmono3d.geometry.rigid import compose, invert, vector_from_rotation
from tests.calibration.boards import make
from tests.calibration.people import biases, bumped, motion, ring, turned, watched

NOW = datetime(2025, 5, 1, 12, tzinfo=UTC)


def write_recording(path, rig, *, scenes, seed, bias):
    points = np.concatenate([motion(scene) for scene in scenes])
    seen = watched(points, rig, bias=bias, generator=np.random.default_rng(seed))
    skeleton = load_skeleton("body25b")
    write_detections(
        path,
        Detections(observations=seen, views=rig.names, joints=skeleton.joints, skeleton=skeleton.name),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A rig, a baseline, a recording today and one after a camera was bumped."""
    folder, rig, bias = tmp_path_factory.mktemp("site"), ring(0), biases(5, ring(0))
    write_rig(folder / "rig.toml", rig)
    write_recording(folder / "baseline.npz", rig, scenes=(0, 1), seed=0, bias=bias)
    write_recording(folder / "today.npz", rig, scenes=(3,), seed=1, bias=bias)
    bumped_rig = turned(rig, 2, degrees=0.2, generator=np.random.default_rng(1))
    write_rig(folder / "true.toml", bumped_rig)
    write_recording(folder / "bumped.npz", bumped_rig, scenes=(3,), seed=2, bias=bias)
    return folder


def check(site, *options):
    return main(["check-rig", str(site / "rig.toml"), *(str(option) for option in options)])


def test_a_true_rig_passes(site, capsys):
    assert check(site, "--detections", site / "today.npz", "--baseline", site / "baseline.npz") == 0
    assert "true as far as this evidence goes" in capsys.readouterr().out


def test_a_bumped_camera_is_named_measured_and_repaired(site, tmp_path, capsys):
    out = tmp_path / "repaired.toml"
    code = check(
        site, "--detections", site / "bumped.npz", "--baseline", site / "baseline.npz", "--repair", out
    )
    said = capsys.readouterr().out
    assert code == 1
    assert "camera 'cam2' moved, by joints: turned by 0." in said
    repaired, true = read_rig(out), read_rig(site / "true.toml")
    left = compose(repaired.camera_from_world[2], invert(true.camera_from_world[2]))
    assert np.degrees(np.linalg.norm(vector_from_rotation(left[:, :3]))) < 0.06
    assert dict(repaired.metadata)["repaired"].startswith("cam2 turned")


@pytest.mark.slow
def test_without_a_baseline_a_small_motion_is_only_suspected(site, capsys):
    assert check(site, "--detections", site / "bumped.npz") == 0
    assert "suspected: camera 'cam2'" in capsys.readouterr().out
    assert check(site, "--detections", site / "bumped.npz", "--tolerance", 0.5) == 1


def test_boards_name_the_camera_that_moved(tmp_path, capsys):
    made = make(seed=3, poses=12)
    write_sightings(tmp_path / "boards.npz", made.sightings)
    wrong = bumped(made.rig, 1, turn_rad=np.array([0.0, 0.02, 0.0]), shift_m=np.array([0.01, 0.0, 0.0]))
    write_rig(tmp_path / "rig.toml", made.rig)
    write_rig(tmp_path / "wrong.toml", wrong)
    boards = ["--boards", str(tmp_path / "boards.npz")]
    assert main(["check-rig", str(tmp_path / "rig.toml"), *boards]) == 0
    out = ["--repair", str(tmp_path / "repaired.toml")]
    assert main(["check-rig", str(tmp_path / "wrong.toml"), *boards, *out]) == 1
    assert "refused: camera 'cam1' is" in capsys.readouterr().out
    assert main(["check-rig", str(tmp_path / "repaired.toml"), *boards, "--strict"]) == 0


def test_boards_measure_a_motion_as_well_as_they_say():
    made = make(seed=4, poses=12)
    wrong = bumped(made.rig, 2, turn_rad=np.array([0.003, 0.0, 0.0]), shift_m=np.zeros(3))
    found = check_boards(made.sightings, wrong, tolerance_px=1.0)
    np.testing.assert_array_equal(found.agrees, [True, True, False, True])
    assert found.turn_deg[2] == pytest.approx(np.degrees(0.003), abs=5 * found.turn_sigma_deg[2])
    again = check_boards(made.sightings, repaired_by_boards(wrong, found), tolerance_px=1.0)
    assert again.agrees.all()
    assert again.effect_px.max() < 0.5


def test_a_copied_camera_is_refused_by_name(tmp_path, capsys):
    rig = ring(0)
    poses = rig.camera_from_world.copy()
    poses[3] = poses[1]
    write_rig(tmp_path / "rig.toml", replace(rig, camera_from_world=poses))
    assert main(["check-rig", str(tmp_path / "rig.toml")]) == 1
    assert "cameras 'cam1' and 'cam3' have the same pose" in capsys.readouterr().out


@pytest.mark.slow
def test_all_cameras_can_be_placed_by_joints(site, tmp_path, capsys):
    out = tmp_path / "refined.toml"
    length = ("--length", "left_hip", "left_knee", 0.4)
    assert check(site, "--detections", site / "bumped.npz", "--refine", *length, "--repair", out) == 0
    said = capsys.readouterr().out
    assert "joints place all cameras" in said
    assert "the world is scaled by" in said
    assert len(read_rig(out).names) == 4


@pytest.mark.slow
def test_a_published_rig_with_a_copied_camera_is_refused_by_joints_and_boards(mouse, capsys):
    wrong = ["check-rig", str(mouse / "calibration_HEAD_side_is_wrong.toml"), "--units", "mm"]
    joints = ["--detections", str(mouse)]
    boards = ["--boards", str(mouse), "--board", str(mouse / "board.toml")]
    for evidence, refused in ((joints, "camera 'side' moved, by joints"), (boards, "camera 'side' is")):
        assert main([*wrong, *evidence]) == 1
        said = capsys.readouterr().out
        assert "cameras 'side' and 'top' have the same pose" in said
        assert f"refused: {refused}" in said
    good = ["check-rig", str(mouse / "calibration_4cam_fd57457.toml"), "--units", "mm"]
    assert main([*good, *joints]) == 0
    assert main([*good, *boards]) == 0


def test_a_published_rig_passes_with_its_joints(pose2sim):
    rig = pose2sim / "S00_Calibration" / "Calib_qualisys.toml"
    trial = pose2sim / "S00_P00_SingleParticipant" / "S00_P00_T01_BalancingTrial"
    options = ["--detections", str(trial / "pose-associated"), "--skeleton", "body25b"]
    assert main(["check-rig", str(rig), *options]) == 0


def aged(hours, *, kelvin=0.0):
    at = (NOW - timedelta(hours=hours)).isoformat()
    return replace(ring(0), metadata=(("date", at), ("temperature_c", f"{20.0 - kelvin}")))


@pytest.mark.parametrize(
    ("hours", "kelvin", "expected"),
    [(1, 0, Freshness.FRESH), (6, 0, Freshness.AGEING), (13, 0, Freshness.STALE), (1, 7, Freshness.AGEING)],
)
def test_a_rig_ages_with_time_and_temperature(hours, kelvin, expected):
    assert age_of(aged(hours, kelvin=kelvin), now=NOW, temperature_c=20.0).freshness is expected


def test_the_limits_of_age_are_the_callers():
    assert age_of(aged(6), now=NOW, rules=AgeRules(warn_hours=8.0)).freshness is Freshness.FRESH


def test_a_rig_without_a_date_is_of_unknown_age():
    assert age_of(ring(0), now=NOW).freshness is Freshness.UNKNOWN


def test_a_date_in_other_words_is_none():
    rig = replace(ring(0), metadata=(("date", "yesterday"),))
    assert age_of(rig, now=NOW).freshness is Freshness.UNKNOWN


@pytest.mark.parametrize(
    ("key", "text", "match"), [("date", "2025-05-03", "h ahead"), ("temperature_c", "mild", "no temperature")]
)
def test_an_impossible_record_is_refused(key, text, match):
    with pytest.raises(InvalidFileError, match=match):
        age_of(replace(ring(0), metadata=((key, text),)), now=NOW, temperature_c=20.0)


def test_a_stale_rig_is_refused_unless_evidence_speaks_for_it(site, tmp_path, capsys):
    rig = replace(ring(0), metadata=(("date", "2020-01-01T00:00:00+00:00"),))
    write_rig(tmp_path / "rig.toml", rig)
    old = ["check-rig", str(tmp_path / "rig.toml")]
    assert main(old) == 1
    assert "too old to be trusted unseen" in capsys.readouterr().out
    assert main([*old, "--detections", str(site / "today.npz")]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--baseline", "b.npz"], "say both"),
        (["--boards", "images"], "needs --board TOML"),
        (["--repair", "rig.json"], "ends in .toml"),
        (["--refine"], "say both"),
        (["--length", "left_hip", "left_knee", "0.4"], "belongs to --refine"),
    ],
)
def test_options_that_don_t_fit_are_refused(site, capsys, options, said):
    assert check(site, *options) == 2
    assert said in capsys.readouterr().err
