"""Several processes, several jobs: DDP, sweeps, W&B."""

import signal
import subprocess
import time

import pytest
import torch
import yaml

from tests.training.runs import ROOT, command, environment, run_folder, train

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def sweep_folder(folder):
    (found,) = (folder / "logs" / "tiny" / "sweeps").iterdir()
    return found


def weight_sum(run) -> float:
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return float(sum(value.double().sum() for value in state.values()))


def test_two_processes_share_the_work(tmp_path):
    train(tmp_path, "trainer=ddp_cpu", "trainer.max_epochs=2", "data.batch_size=2")
    state = torch.load(run_folder(tmp_path) / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 2 * 7


def test_a_run_that_is_told_to_end_saves_and_can_be_resumed(tmp_path):
    more = ("trainer.max_epochs=1000", "evaluate=false", "callbacks.last.every_n_train_steps=100000")
    started = subprocess.Popen(command(tmp_path, *more), cwd=ROOT, env=environment())
    saved = tmp_path / "logs" / "tiny" / "runs"
    while started.poll() is None and not list(saved.glob("*/checkpoints/best.ckpt")):
        time.sleep(0.1)
    started.send_signal(signal.SIGTERM)
    assert started.wait(timeout=120) == 128 + signal.SIGTERM
    last = run_folder(tmp_path) / "checkpoints" / "last.ckpt"
    step = torch.load(last, weights_only=True)["global_step"]
    train(
        tmp_path,
        "name=resumed",
        f"ckpt_path={last}",
        "evaluate=false",
        "trainer.max_epochs=1000",
        f"trainer.max_steps={step + 3}",
        "callbacks.last.every_n_train_steps=1",
    )
    resumed = run_folder(tmp_path, "resumed") / "checkpoints" / "last.ckpt"
    assert torch.load(resumed, weights_only=True)["global_step"] == step + 3


def test_a_sweep_runs_each_job_in_its_own_folder(tmp_path):
    train(tmp_path, "-m", "seed=0,1", "evaluate=false")
    sweep = sweep_folder(tmp_path)
    assert weight_sum(sweep / "0") != weight_sum(sweep / "1")


def test_optuna_searches_and_writes_its_best(tmp_path):
    train(
        tmp_path, "-m", "sweep=optuna", "hydra.sweeper.n_trials=3", "evaluate=false", "trainer.max_epochs=1"
    )
    best = yaml.safe_load((sweep_folder(tmp_path) / "optimization_results.yaml").read_text())
    assert 5e-4 <= best["best_params"]["optimiser.lr"] <= 8e-3


def test_each_job_of_a_sweep_is_its_own_wandb_run(tmp_path):
    train(tmp_path, "-m", "seed=0,1", "logger=wandb", "evaluate=false", "trainer.max_epochs=1")
    for job in ("0", "1"):
        assert len(list((sweep_folder(tmp_path) / job / "wandb").glob("offline-run-*/*.wandb"))) == 1


def test_the_command_of_the_wandb_sweep_runs(tmp_path):
    sweep = yaml.safe_load((ROOT / "conf" / "sweep" / "wandb_agent.yml").read_text())
    settings = yaml.safe_load((ROOT / "conf" / "train.yaml").read_text())
    assert sweep["command"][:3] == ["${env}", "python", "train.py"]
    assert sweep["command"][-1] == "${args_no_hyphens}"
    assert sweep["metric"]["name"] == settings["objective"]
    first = {key: value.get("values", [value.get("min")])[0] for key, value in sweep["parameters"].items()}
    drawn = [f"{key}={value}" for key, value in first.items()]
    fixed = [part for part in sweep["command"][3:-1] if not part.startswith("experiment=")]
    train(tmp_path, *fixed, *drawn, "trainer.max_epochs=1", "evaluate=false")
