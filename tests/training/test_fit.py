"""What a run leaves behind, and how it ends when something is wrong."""

import csv
import hashlib

import pytest
import torch
import yaml

from mvmono3d.errors import ConfigurationError, IntegrityError, InvalidFileError
from mvmono3d.training.callbacks import NonFiniteLossError
from tests.training.here import train_here
from tests.training.runs import run_folder, train

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return train(folder), run_folder(folder)


def test_the_report_names_files_that_exist(finished):
    done, run = finished
    for line in ("on clips it was never trained on", "checkpoint", "export it", "train on"):
        assert line in done.stdout
    assert {path.name for path in (run / "checkpoints").iterdir()} == {
        "best.ckpt",
        "best.ckpt.sha256",
        "last.ckpt",
        "last.ckpt.sha256",
    }
    assert (run / "figures" / "learning_curves.png").stat().st_size > 1000


def test_a_run_says_nothing_that_its_user_can_not_act_on(finished):
    done, _ = finished
    for noise in ("Warning", "many workers", "litlogger", "GPU available", "hparams"):
        assert noise not in done.stdout + done.stderr


def test_checkpoints_hold_plain_values_and_where_they_come_from(finished):
    _, run = finished
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    origin = checkpoint["mvmono3d"]
    assert origin["experiment"] == "tiny"
    assert origin["skeleton"] == "stick"
    assert len(origin["data_hash"]) == 64
    assert not any("_target_" in str(key) for key in origin)
    assert "hyper_parameters" not in checkpoint


def test_the_configuration_beside_it_is_resolved_plain_yaml(finished):
    _, run = finished
    text = (run / "config.yaml").read_text()
    assert "${" not in text
    assert yaml.safe_load(text)["trainer"]["max_epochs"] == 3


def test_the_csv_holds_both_losses_of_every_epoch(finished):
    _, run = finished
    with (run / "metrics" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(bool(row["val/loss"]) for row in rows) >= 3
    assert sum(bool(row["train/loss"]) for row in rows) == 3 * 7


def test_the_same_seed_gives_the_same_weights(finished, tmp_path):
    _, run = finished
    same = train_here(tmp_path / "same", "evaluate=false")
    other = train_here(tmp_path / "other", "evaluate=false", "seed=1")
    assert _weights(run) == _weights(same) != _weights(other)


def test_weights_are_taken_over_without_the_rest(finished, tmp_path):
    _, run = finished
    best = run / "checkpoints" / "best.ckpt"
    begun = train_here(tmp_path, f"weights={best}", "evaluate=false", "optimiser.lr=0.0")
    assert _weights(run, "best.ckpt") == _weights(begun)


def test_a_damaged_checkpoint_is_refused_before_any_data_is_made(finished, tmp_path):
    _, run = finished
    content = bytearray((run / "checkpoints" / "best.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "best.ckpt").write_bytes(content)
    (tmp_path / "best.ckpt.sha256").write_bytes((run / "checkpoints" / "best.ckpt.sha256").read_bytes())
    with pytest.raises(IntegrityError, match="damaged"):
        train_here(tmp_path, f"ckpt_path={tmp_path}/best.ckpt")
    assert not (tmp_path / "cache").exists()


def test_resuming_on_other_data_is_refused(finished, tmp_path):
    _, run = finished
    with pytest.raises(ConfigurationError, match="batch_size"):
        train_here(tmp_path, f"ckpt_path={run}/checkpoints/last.ckpt", "data.batch_size=3")


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.ckpt")
    with pytest.raises(InvalidFileError, match="another task"):
        train_here(tmp_path, f"weights={tmp_path}/other.ckpt")


def test_losses_that_stay_infinite_stop_the_run_and_name_the_clips(tmp_path):
    with pytest.raises(NonFiniteLossError, match=r"training clips .*4 steps in a row"):
        train_here(tmp_path, "task.poison_from=4")
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(bool(torch.isfinite(value).all()) for value in state["state_dict"].values())


@pytest.mark.parametrize("preset", ["default", "fdr", "limit", "overfit", "profiler"])
def test_debug_presets_run(tmp_path, preset):
    train_here(tmp_path, f"debug={preset}", "trainer.max_epochs=2")


def test_a_constructor_that_is_given_nonsense_is_answered_in_one_line(tmp_path):
    done = train(tmp_path, "data.batch_size=four", code=2)
    assert done.stderr == "train.py: error: data.batch_size is 'four'; expected int\n"


def test_an_objective_that_is_never_logged_is_answered_with_what_was(tmp_path):
    with pytest.raises(ConfigurationError, match="val/loss"):
        train_here(tmp_path, "objective=val/los")


def test_a_run_too_short_to_be_validated_still_reports(tmp_path, capsys):
    train_here(tmp_path, "trainer.max_steps=1")
    assert "last.ckpt" in capsys.readouterr().out


def test_a_gpu_that_is_not_there_is_answered_in_one_line(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(ConfigurationError, match="trainer: No supported gpu"):
        train_here(tmp_path, "trainer=gpu")


def _weights(run, name="last.ckpt") -> str:
    state = torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"]
    return hashlib.sha256(b"".join(state[key].numpy().tobytes() for key in sorted(state))).hexdigest()
