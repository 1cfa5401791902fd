import argparse
import csv
import sys
from contextlib import contextmanager
from types import ModuleType

import pytest

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.rig_file import write_rig
from mvmono3d.errors import ConfigurationError, MissingDependencyError
from mvmono3d.evaluation.command import add_arguments, run
from mvmono3d.pipeline.classical import reconstruct_robust

PICTURES = {"visible_views.png", "unseen.png", "reliability.png", "ratios.png"}


def evaluate(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(each) for each in arguments]))


def on_world(*more, rows=("dead_1",)):
    return evaluate(
        "--stress",
        "--world",
        "C",
        "--skeleton",
        "body17",
        "--scenes",
        2,
        "--frames",
        40,
        "--rows",
        *rows,
        *more,
    )


@pytest.fixture(scope="module")
def recording(clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    detections = Detections(
        observations=clip.observations,
        views=clip.rig.names,
        joints=clip.skeleton.joints,
        skeleton=clip.skeleton.name,
    )
    write_detections(folder / "detections.npz", detections)
    write_rig(folder / "rig.toml", clip.rig)
    return folder / "detections.npz", "--rig", folder / "rig.toml"


def test_a_world_is_stressed_into_tables_and_pictures(tmp_path, capsys):
    assert on_world("--out", tmp_path / "new") == 0
    printed = capsys.readouterr().out
    assert "dead_1" in printed
    assert "No truth" not in printed
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"stress.md", "stress.csv", *PICTURES}
    with (tmp_path / "new" / "stress.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {each["row"] for each in table} == {"undisturbed", "dead_1"}
    assert {each["take"] for each in table} == {"0", "1", "all"}
    assert {each["method"] for each in table} == {"robust", "kalman"}
    pooled = {each["measure"] for each in table if each["take"] == "all"}
    assert {"held_mm", "views_2_mm", "held_over_kalman_low", "worst_excess_mm"} <= pooled
    text = (tmp_path / "new" / "stress.md").read_text()
    assert "| 1 dead camera | kalman |" in text
    assert "far: 30 mm" in text


def test_a_recording_without_truth_says_what_stands_in_for_it(recording, tmp_path, capsys):
    assert (
        evaluate(*recording, "--stress", "--scenes", 2, "--rows", "occluder", "layout_arc", "--out", tmp_path)
        == 0
    )
    printed = capsys.readouterr().out
    assert "the reference is the offline smoother" in printed
    assert "left out, for they don't suit: layout arc" in printed
    assert "the reference is the offline smoother" in (tmp_path / "stress.md").read_text()


def test_a_tolerance_of_ones_own_is_stated(capsys):
    on_world("--tolerance", 12)
    assert "far: 12 mm" in capsys.readouterr().out


def test_a_world_without_stress_gives_the_usual_table(capsys):
    assert evaluate("--world", "C", "--skeleton", "body17", "--scenes", 2, "--frames", 30) == 0
    assert "2 clips" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folders", "names"),
    [(("one",), {"bundle"}), (("one", "two"), {"one", "two"}), (("a/one", "b/one"), set())],
)
def test_bundles_stand_beside_the_classical_methods(folders, names, tmp_path, monkeypatch):
    asked = set()

    def answer(folder, observations, *, rig, skeleton):
        asked.add(folder)
        return reconstruct_robust(observations, rig, skeleton)

    monkeypatch.setattr("mvmono3d.deploy.reconstruct.reconstruct_with_bundle", answer)
    paths = [tmp_path / folder for folder in folders]
    on_world(*(word for path in paths for word in ("--bundle", path)), "--out", tmp_path / "new")
    assert asked == set(paths)
    with (tmp_path / "new" / "stress.csv").open(newline="") as file:
        found = {each["method"] for each in csv.DictReader(file)}
    assert found == {"robust", "kalman"} | (names or {str(path) for path in paths})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either DETECTIONS with --rig, or --world"),
        (("some.npz", "--world", "C"), "either DETECTIONS with --rig, or --world"),
        (("some.npz",), "needs --rig"),
        (("--world", "C", "--rig", "rig.toml"), "leave --rig and --truth out"),
        (("--world", "C", "--rows", "dead_1"), "--rows belongs to --stress"),
        (("--world", "C", "--wandb", "mine"), "--wandb belongs to --stress"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        evaluate(*arguments)


class Sent:
    def __init__(self):
        self.logged, self.summary, self.project = {}, {}, ""

    def log(self, values):
        self.logged |= values


def test_results_are_sent_on_request(monkeypatch):
    sent = Sent()

    @contextmanager
    def init(*, project, job_type, config):
        sent.project = project
        assert job_type == "stress"
        assert config["world"] == "C"
        yield sent

    stand_in = ModuleType("wandb")
    vars(stand_in).update(init=init, Table=lambda columns, data: (columns, data), Image=lambda path: path)
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    on_world("--wandb", "mine")
    assert sent.project == "mine"
    assert set(sent.logged) == {"stress", *(name.removesuffix(".png") for name in PICTURES)}
    columns, rows = sent.logged["stress"]
    assert len(rows) == 4
    assert {len(row) for row in rows} == {len(columns)}
    assert sent.summary["dead_1/robust/held_mm"] > 0


def test_a_missing_wandb_is_named_before_the_work(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mvmono3d\[wandb\]'"):
        on_world("--wandb", "mine")
    assert "dead_1" not in capsys.readouterr().out
