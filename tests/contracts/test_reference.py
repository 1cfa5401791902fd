"""The reference pages name everything that exists: verbs, options, groups, experiments, arrays, tensors."""

import argparse
import importlib
from dataclasses import fields

import pytest
import yaml

from mvmono3d.cli import VERBS
from mvmono3d.core.trajectory import Reconstruction, Trajectory
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from tests.contracts.repository import ROOT

REFERENCE = ROOT / "docs" / "reference"
NEVER_CHOSEN = {"hydra", "paths"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_documented_with_all_its_options(verb):
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(VERBS[verb].module).add_arguments(parser)
    _, _, section = (REFERENCE / "cli.md").read_text().partition(f"\n## mvmono3d {verb}\n")
    assert section, f"docs/reference/cli.md has no section 'mvmono3d {verb}'"
    section = section.split("\n## ")[0]
    options = {option for action in parser._actions for option in action.option_strings}
    assert {option for option in options if option not in section} == set()


@pytest.mark.parametrize("group", sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir()))
def test_a_group_of_the_configuration_is_documented_with_its_choices(group):
    page = (REFERENCE / "configuration.md").read_text()
    assert f"`{group}`" in page
    if group not in NEVER_CHOSEN:
        choices = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
        assert {choice for choice in choices if f"`{choice}`" not in page} == set()


def test_arrays_of_files_and_tensors_of_graphs_are_documented():
    page = (REFERENCE / "files.md").read_text()
    records = {field.name for record in (Trajectory, Reconstruction) for field in fields(record)}
    names = records - {"trajectory"} | {tensor.name for tensor in (*INPUTS, *OUTPUTS)}
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_a_room_has_a_page_or_is_reserved():
    pages = "".join(path.read_text() for path in (REFERENCE / "api").glob("*.md"))
    architecture = (ROOT / "docs" / "architecture.md").read_text()
    for room in sorted(path.parent.name for path in (ROOT / "mvmono3d").glob("*/__init__.py")):
        assert f"`{room}`" in architecture, f"docs/architecture.md lacks {room}"
        if any(path.name != "__init__.py" for path in (ROOT / "mvmono3d" / room).glob("*.py")):
            assert f"::: mvmono3d.{room}\n" in pages, f"docs/reference/api lacks {room}"


def test_the_site_lists_every_page_but_benchmarks_and_model_cards():
    listed = set(_leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    free = {page for page in written if page.startswith(("benchmarks/", "models/"))}
    assert written - free - listed == set()
    assert listed - written == set()


def _leaves(entry: object) -> list[str]:
    if isinstance(entry, dict):
        return [leaf for value in entry.values() for leaf in _leaves(value)]
    if isinstance(entry, list):
        return [leaf for value in entry for leaf in _leaves(value)]
    return [str(entry)]
