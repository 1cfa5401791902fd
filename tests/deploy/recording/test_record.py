"""`mvmono3d record` writes what the cameras delivered once somebody agreed, and nothing before."""

import argparse
import datetime
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mvmono3d.cli import main
from mvmono3d.deploy.recording.consent_dialog import add_consent, consent_of
from mvmono3d.deploy.recording.description import read_description
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.errors import ConsentError, InvalidFileError
from tests.calibration.printed import SIZE
from tests.deploy.recording.board_takes import BOARD, pictures, recorded
from tests.deploy.recording.takes import CAMERAS, PERIOD_NS, new_identity, same, written

SETS = 80
TODAY = datetime.date(2026, 11, 20)
AGREED = ("--subject", "nobody: noise", "--purpose", "test", "--retain-days", "3", "--agreed")
SOLO = ("--subject", "nobody: noise")


def site(folder: Path, take: Path, *, speed: float = 1.0, size: tuple[int, int] = (56, 40)) -> Path:
    """A site whose cameras are a recording: the whole live path without hardware."""
    folder.mkdir(exist_ok=True)
    content = {
        "schema": 1,
        "name": "again",
        "backend": {"kind": "replay", "recording": str(take), "speed": speed},
        "cameras": [{"name": name, "serial": name} for name in CAMERAS],
        "image": {"region": {"width_px": size[0], "height_px": size[1]}},
        "trigger": {"rate_hz": 1e9 / PERIOD_NS},
        "ring": {"name": f"test-{os.getpid()}-{folder.name}", "sets": 80, "buffers": 100},
        "recorder": {"stop_below_gb": 0.0},
    }
    # JSON is YAML.
    (folder / "site.yaml").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record") / "take"
    written(folder, SETS)
    return folder


@pytest.mark.timeout(300)
def test_a_recording_played_through_the_live_path_is_recorded_to_the_last_bit(take, tmp_path, capsys):
    command = ["record", str(site(tmp_path / "site", take)), "--out", str(tmp_path / "out"), *AGREED]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert f"{SETS} frame sets of 4 cameras" in out
    assert f"{4 * SETS} of {4 * SETS} frames recorded, lost: none" in out
    assert "the recording that was played is over" in out
    first, again = open_recording(take), open_recording(tmp_path / "out")
    assert again.cameras == first.cameras
    assert again.time_ns.tolist() == first.time_ns.tolist()
    for one, other in zip(first, again, strict=True):
        for before, after in zip(one.frames, other.frames, strict=True):
            assert (before.camera, before.frame_id) == (after.camera, after.frame_id)
            assert before.exposure_ns == after.exposure_ns
            assert before.gain_db == pytest.approx(after.gain_db, abs=1e-4)
            assert (before.image == after.image).all()
    described = read_description(tmp_path / "out")
    assert described.ending is not None
    assert described.consent.subject == "nobody: noise"
    assert (described.consent.retain_until - described.consent.given_on).days == 3


@pytest.mark.timeout(300)
def test_frames_limit_a_take_and_recipients_encrypt_it(take, tmp_path):
    secret, public = new_identity()
    place = site(tmp_path / "site", take)
    command = ["record", str(place), "--out", str(tmp_path / "out"), "--frames", "7", *AGREED]
    assert main([*command, "--encrypt-for", public]) == 0
    again = open_recording(tmp_path / "out", identity=secret)
    assert len(again) == 7
    assert again.description.encryption is not None
    assert all(
        one.frame_id == other.frame_id
        for one, other in zip(again[0].frames, open_recording(take)[0].frames, strict=True)
    )


@pytest.mark.timeout(300)
def test_a_signal_ends_a_take_well(take, tmp_path):
    place = site(tmp_path / "site", take, speed=0.02)
    command = [sys.executable, "-m", "mvmono3d.cli", "record", str(place), "--out", str(tmp_path / "out")]
    with subprocess.Popen([*command, *AGREED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "sets/s" in line
        assert "lost none" in line
        assert "disk" in line
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(60) == 0
    assert "it was asked to" in rest
    kept = open_recording(tmp_path / "out")
    assert 0 < len(kept) < SETS
    assert kept.description.ending is not None
    assert all(same(one, one) for one in kept)


@pytest.mark.timeout(300)
def test_without_cameras_nothing_is_left_behind(tmp_path, capsys):
    place = site(tmp_path / "site", tmp_path / "no such take")
    assert main(["record", str(place), "--out", str(tmp_path / "out"), *AGREED]) == 2
    assert "no such take is not a recording" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_before_a_consent(take, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    place = str(site(tmp_path / "site", take))
    for missing in (
        (),
        SOLO,
        (*SOLO, "--purpose", "test"),
        (*SOLO, "--purpose", "test", "--retain-days", "3"),
    ):
        begin = time.monotonic()
        assert main(["record", place, "--out", str(tmp_path / "out"), *missing]) == 2
        assert "no consent" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
        assert time.monotonic() - begin < 60


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_while_a_board_is_recorded_its_coverage_is_said(tmp_path, capsys):
    recorded(tmp_path / "take", pictures(3) * 4)
    place = site(tmp_path / "site", tmp_path / "take", speed=0.005, size=SIZE)
    (tmp_path / "board.toml").write_text(BOARD)
    command = ["record", str(place), "--out", str(tmp_path / "out"), "--calibration", *AGREED]
    assert main(command) == 2
    assert "--board board.toml" in capsys.readouterr().err
    assert main([*command, "--board", str(tmp_path / "board.toml")]) == 0
    out = capsys.readouterr().out
    assert "front: " in out
    assert "% of the image" in out
    assert "→" in out
    assert "next: mvmono3d calibrate" in out
    assert len(open_recording(tmp_path / "out")) == 12


@pytest.mark.parametrize(
    "wrong", [("--duration", "0"), ("--frames", "-1"), ("--rate", "0"), ("--calibration",)]
)
def test_limits_that_make_no_take_are_refused(take, tmp_path, capsys, wrong):
    assert main(["record", str(site(tmp_path / "site", take)), "--out", str(tmp_path / "out"), *wrong]) == 2
    assert wrong[0] in capsys.readouterr().err


def asked(*arguments: str, answers: list[str] | None = None, **defaults):
    """The consent that these options and answers give, and the questions that were asked."""
    parser, questions = argparse.ArgumentParser(), []
    add_consent(parser)

    def ask(question: str) -> str:
        questions.append(question)
        return (answers or []).pop(0) + "\n"

    consent = consent_of(
        parser.parse_args(arguments), today=TODAY, ask=None if answers is None else ask,
        **{"purpose": None, "retain_days": None} | defaults,
    )  # fmt: skip
    return consent, questions


def test_what_is_not_known_is_asked_and_the_site_proposes():
    consent, questions = asked(answers=["P-017", "gait study", "30", "yes"])
    assert (consent.subject, consent.purpose, consent.given_on) == ("P-017", "gait study", TODAY)
    assert consent.retain_until == TODAY + datetime.timedelta(days=30)
    assert len(questions) == 4
    assert "gait study" in questions[-1]
    assert str(consent.retain_until) in questions[-1]
    consent, questions = asked(answers=["P-018", "y"], purpose="site's", retain_days=5)
    assert (consent.purpose, len(questions)) == ("site's", 2)


@pytest.mark.parametrize("answer", ["no", "", "maybe"])
def test_only_a_yes_is_a_consent(answer):
    with pytest.raises(ConsentError):
        asked("--subject", "P-1", "--purpose", "x", "--retain-days", "1", answers=[answer])


@pytest.mark.parametrize("days", ["0", "-3", "many"])
def test_days_are_a_whole_number(days):
    with pytest.raises(ConsentError, match="whole number"):
        asked("--subject", "P-1", "--purpose", "x", answers=[days])


def test_a_file_says_it_all_and_is_held_to_it(tmp_path):
    path = tmp_path / "consent.toml"
    path.write_text(
        '[consent]\nsubject = "P-9"\npurpose = "gait study"\n'
        "given_on = 2026-11-01\nretain_until = 2026-12-01\n"
    )
    consent, _ = asked("--consent", str(path))
    assert consent.subject == "P-9"
    assert asked("--consent", str(path), purpose="Gait Study")[0] == consent
    with pytest.raises(ConsentError, match="for 'gait study', this recording for 'play'"):
        asked("--consent", str(path), "--purpose", "play")
    with pytest.raises(InvalidFileError, match="no consent file"):
        asked("--consent", str(tmp_path / "none.toml"))
