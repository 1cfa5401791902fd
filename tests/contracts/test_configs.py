"""Every configuration composes, builds, and takes a step."""

from pathlib import Path

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir

from mvmono3d.training.build import build, resolve
from mvmono3d.training.constructor_check import ALLOWED, check_constructors
from mvmono3d.training.fit import fit
from tests.contracts.repository import ROOT

CONF = ROOT / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
OPTIONS = sorted(
    (path.parent.relative_to(CONF).as_posix(), path.stem)
    for path in CONF.rglob("*.yaml")
    if path.parent != CONF and path.parent.name != "hydra"
)
MINIMAL = (
    "skeleton=hand21",
    "data.source.world.name=A",
    "data.source.scenes={train: 4, val: 1, test: 1}",
    "data.source.processes=1",
    "data.source.scene_frames=8",
    "data.source.window_frames=8",
    "data.source.stride_frames=8",
    "data.batch_size=4",
    "threads=1",
    "trainer.max_epochs=1",
    "callbacks.progress=null",
    "callbacks.summary=null",
    "evaluate=false",
)
# A user has to say which checkpoint and recordings.
NEEDED = {"finetune": ("weights=null",), "bootstrap": ("weights=null", "data=synthetic")}
NEEDED["bootstrap_detector"] = ("weights=null", "data=rendered_crops")
SMALL_CROPS = (
    "data.source.samples.frames=1",
    "data.source.scenes={train: 1, val: 1, test: 1}",
    "data.source.processes=1",
    "task.net.size=64",
    "data.batch_size=4",
    "threads=1",
    "trainer.max_epochs=1",
    "callbacks.progress=null",
    "callbacks.summary=null",
    "evaluate=false",
)
MINIMAL_OF = dict.fromkeys(("detector", "finder", "bootstrap_detector"), SMALL_CROPS)


def composed(folder: Path, *overrides: str):
    places = (f"paths.run={folder}/run", f"paths.cache={folder}/cache")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=[*places, *overrides])


LONG = ("bootstrap", "bootstrap_detector", "finetune", "detector")
"""Experiments that render, reconstruct or read much before their first step."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_of_every_group_composes_and_fits_its_constructors(tmp_path, group, option):
    extra = NEEDED.get(option, ()) if group == "experiment" else ()
    config = resolve(composed(tmp_path, f"{group}={option}", *extra))
    check_constructors(config, allowed=ALLOWED)


@pytest.mark.parametrize(
    "experiment",
    [pytest.param(each, marks=pytest.mark.slow) if each in LONG else each for each in EXPERIMENTS],
)
def test_every_experiment_builds_and_takes_a_step(tmp_path, cache, experiment):
    config = composed(
        tmp_path,
        f"experiment={experiment}",
        *NEEDED.get(experiment, ()),
        *MINIMAL_OF.get(experiment, MINIMAL),
        f"paths.cache={cache}",
    )
    threads = torch.get_num_threads()
    run = build(config)
    before = {name: value.clone() for name, value in run.task.named_parameters()}
    loss = fit(run)
    torch.set_num_threads(threads)
    assert run.trainer.global_step == 1
    assert loss is not None
    changed = [name for name, value in run.task.named_parameters() if (value != before[name]).any()]
    assert changed


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_is_a_short_diff_with_its_own_name_and_a_sentence(experiment):
    text = (CONF / "experiment" / f"{experiment}.yaml").read_text()
    lines = text.splitlines()
    assert len(lines) <= 30
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith("# ")
    assert yaml.safe_load(text)["name"] == experiment


def test_names_of_shipped_groups_are_the_documented_ones():
    groups = {path.name for path in CONF.iterdir() if path.is_dir()}
    assert groups == {
        "callbacks",
        "data",
        "debug",
        "experiment",
        "hydra",
        "logger",
        "optimiser",
        "paths",
        "skeleton",
        "sweep",
        "task",
        "trainer",
    }
