"""Bars that other commands measured: what they wrote is read, compared and never made up."""

import csv
import json

import pytest

from tests.benchmarks.learned.elsewhere import COLUMNS, EXPECTED, experiment_bars, peer_bars


def test_the_peers_csv_gives_two_bars_and_without_it_they_are_not_measured(tmp_path):
    path = tmp_path / "peers.csv"
    assert [each.verdict for each in peer_bars(path, "body25b")] == ["not measured"] * 2
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["world", "scene", "method", "metric", "value"])
        for scene in range(6):
            for method, value in (("Pose2Sim", 10.0 + scene), ("ours, bundle body25b", 0.6 * (10.0 + scene))):
                writer.writerow(["body25b", scene, method, "mpjpe_held_mm", value])
                writer.writerow(["body25b", scene, method, "hidden_mm", value])
    error, hidden = peer_bars(path, "body25b")
    assert error.interval.mean == pytest.approx(-40.0)
    assert (error.verdict, hidden.verdict) == ("met", "**NOT MET**")


def test_experiments_state_bars_of_their_own(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.csv").write_text("method,value\nrobust,1\n")
    line = "training_time,hours on one GPU,3.5,h,,,,4"
    (tmp_path / "one" / "results.csv").write_text(f"{','.join(COLUMNS)}\n{line}\n")
    stated, *missing = experiment_bars(tmp_path)
    assert (stated.bar.title, stated.interval.mean, stated.verdict) == ("hours on one GPU", 3.5, "met")
    assert len(missing) == len(EXPECTED) - 1
    assert {each.verdict for each in missing} == {"not measured"}


def test_learning_modes_are_compared_seed_by_seed(tmp_path):
    folder = tmp_path / "2026-01-01_learning_modes"
    folder.mkdir()
    lines = ["seed,steps,method,metric,value,clips"]
    for seed, error in ((0, 50.0), (1, 70.0)):
        lines += [f"{seed},9,ssl,hidden_mm,{error},8", f"{seed},9,kalman,hidden_mm,100,8"]
    (folder / "results.csv").write_text("\n".join(lines) + "\n")
    stated, *missing = experiment_bars(tmp_path)
    assert stated.interval is not None
    assert [stated.interval.mean, stated.interval.low, stated.interval.high] == pytest.approx([-40, -50, -30])
    assert stated.verdict == "aim met"
    assert len(missing) == len(EXPECTED) - 1


def test_few_labels_are_judged_by_the_gap_that_they_close(tmp_path):
    folder = tmp_path / "2026-01-01_learning_modes"
    folder.mkdir()
    errors = {"kalman": 20.0, "ssl, then finetune": 13.0, "supervised": 10.0}
    lines = [f"0,9,{json.dumps(method)},mpjpe_held_mm,{error},8" for method, error in errors.items()]
    (folder / "results.csv").write_text("\n".join(["seed,steps,method,metric,value,clips", *lines]) + "\n")
    stated, *_ = experiment_bars(tmp_path)
    assert stated.interval is not None
    assert stated.interval.mean == pytest.approx(70.0)
    assert stated.verdict == "met"
