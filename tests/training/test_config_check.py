"""A mistake on the command line is answered in one line, with the nearest name, before anything else."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mvmono3d.errors import ConfigurationError, MVMono3DError
from mvmono3d.training.config_check import check_command_line
from tests.training.runs import ROOT

CONF = ROOT / "conf"


def check(*arguments: str) -> None:
    check_command_line(arguments, folder=CONF)


def message_of(*arguments: str) -> str:
    with pytest.raises(MVMono3DError) as caught:
        check(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("seed=3", "optimiser.lr=1e-3"),
        ("trainer=gpu", "data.batch_size=4", "hydra.job.chdir=false"),
        ("-m", "seed=0,1,2", "trainer=default,gpu"),
        ("-m", "sweep=optuna", "optimiser.lr=interval(0.001,0.01)"),
        ("+trainer.num_nodes=2", "~callbacks.progress"),
        ("debug=fdr",),
        ("--help",),
    ],
)
def test_what_is_right_passes(arguments):
    check(*arguments)


@pytest.mark.parametrize(
    ("argument", "nearest"),
    [
        ("sed=3", "'seed'"),
        ("trainer.max_epoch=3", "'trainer.max_epochs'"),
        ("optimiser.learning_rate=3", "optimiser.lr"),
        ("data.source.scenes.trian=3", "'data.source.scenes.train'"),
        ("optimizer.lr=3", "'optimiser'"),
        ("experimant=ssl_multiview", "'experiment'"),
        ("trainer=gpus", "'gpu'"),
        ("skeleton=hand", "'hand21'"),
        ("skeleton=my.yaml", "skeleton_file=PATH"),
        ("+sed=3", "'seed'"),
        ("lr=3", "optimiser.lr"),
        ("seed", "key=value"),
        ("seed=[1", "can't read"),
        ("seed=1,2", "-m"),
    ],
)
def test_a_mistake_is_answered_with_the_nearest_name(argument, nearest):
    assert nearest in message_of(argument)


def test_a_wrong_experiment_lists_the_experiments():
    text = message_of("experiment=ssl_multivew")
    assert "did you mean 'ssl_multiview'" in text
    assert all(path.stem in text for path in (CONF / "experiment").glob("*.yaml"))


def test_a_sweep_over_a_wrong_choice_is_refused():
    assert "no trainer 'gpux'" in message_of("-m", "trainer=gpu,gpux")


def keys_of(content, prefix=""):
    if isinstance(content, dict):
        for name, value in content.items():
            yield from keys_of(value, f"{prefix}{name}.")
    elif prefix:
        yield prefix[:-1]


@pytest.mark.parametrize("group", ["optimiser", "trainer", "data"])
def test_every_misspelt_key_is_refused(group):
    for path in sorted((CONF / group).glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        prefix = "" if "_global_" in path.read_text() else f"{group}."
        for key in list(keys_of(content))[::5]:
            if "_target_" in key or "defaults" in key:
                continue
            with pytest.raises(MVMono3DError):
                check(f"{group}={path.stem}", f"{prefix}{key}x=1")


def test_an_experiment_with_an_unknown_key_is_refused(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\nname: own\nsede: 1\n")
    text = message_of(f"hydra.searchpath=[file://{tmp_path}]", "experiment=own")
    assert "no key 'sede'" in text
    assert "did you mean 'seed'" in text


def test_the_command_answers_in_one_line_with_exit_code_2_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "trainer.max_epoch=3", f"paths.logs={tmp_path}/logs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "did you mean 'trainer.max_epochs'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_typo_is_answered_before_torch_is_loaded(tmp_path):
    script = (
        "import sys, runpy; sys.argv = ['train.py', 'sed=1']\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_a_folder_without_configuration_is_an_error():
    with pytest.raises((ConfigurationError, MVMono3DError)):
        check_command_line(["experiment=x"], folder=Path(__file__).parent)
