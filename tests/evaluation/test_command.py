import argparse
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.reconstruction_file import write_trajectory
from mvmono3d.core.rig_file import write_rig
from mvmono3d.errors import InvalidFileError
from mvmono3d.evaluation.command import add_arguments, run
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    clip = make_clip(replace(preset("C", skeleton="hand21"), frames=40), seed=1, subject=1, rig_seed=1)
    assert clip.truth is not None
    detections = Detections(
        observations=clip.observations,
        views=clip.rig.names,
        joints=clip.skeleton.joints,
        skeleton=clip.skeleton.name,
    )
    write_detections(folder / "detections.npz", detections)
    write_rig(folder / "rig.toml", clip.rig)
    write_trajectory(folder / "truth.npz", clip.truth, clip.skeleton)
    shorter = clip.truth.map(lambda array: array[:30])
    write_trajectory(folder / "short.npz", shorter, clip.skeleton)
    late = replace(clip.truth, time_ns=clip.truth.time_ns + np.int64(5_000_000))
    write_trajectory(folder / "late.npz", late, clip.skeleton)
    return folder


def evaluate(folder, *more):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(
        parser.parse_args(
            [str(folder / "detections.npz"), "--rig", str(folder / "rig.toml"), *map(str, more)]
        )
    )


def test_with_truth_tables_and_figures_are_written(recording, tmp_path, capsys):
    assert evaluate(recording, "--truth", recording / "truth.npz", "--out", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "MPJPE" in printed
    assert "kalman" in printed
    assert {path.name for path in tmp_path.iterdir()} == {"scores.md", "scores.csv", "reliability.png"}


def test_without_truth_the_recording_judges_itself(recording, tmp_path, capsys):
    assert evaluate(recording, "--out", tmp_path / "new") == 0
    assert "left out px" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"scores.md", "scores.csv"}


def test_the_first_frames_alone_are_evaluated_with_their_truth(recording, tmp_path, capsys):
    evaluate(recording, "--truth", recording / "truth.npz", "--frames", 30, "--scenes", 3)
    assert "3 clips" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("truth", "message"), [("short.npz", "30 frames, the detections have 40"), ("late.npz", "time_ns differ")]
)
def test_truth_of_another_recording_is_refused(recording, truth, message):
    with pytest.raises(InvalidFileError, match=message):
        evaluate(recording, "--truth", recording / truth)


def test_evaluating_never_imports_torch(recording):
    asked = [str(recording / "detections.npz"), "--rig", str(recording / "rig.toml")]
    more = ["--stress", "--rows", "dead_1"]
    code = (
        "import sys; from argparse import ArgumentParser;"
        "from mvmono3d.evaluation.command import add_arguments, run;"
        "parser = ArgumentParser(); add_arguments(parser);"
        f"run(parser.parse_args({asked!r})); run(parser.parse_args({asked + more!r}));"
        "sys.exit('torch' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_files_without_times_take_their_rate_from_the_command():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["pose", "--rig", "rig.toml", "--rate", "120"]).rate == 120.0
