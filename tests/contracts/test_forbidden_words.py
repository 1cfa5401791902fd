"""Words that must not stand in the code, each with the reason."""

import re
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT, name_of, python_files

UNFINISHED = r"\b(TODO|FIXME|XXX|HACK)\b"
MACHINE_PATH = r"(?<![\w.])/(work|home|root|Users|tmp)/"

IN_SOURCE = {
    r"weights_only\s*=\s*False": "loading a checkpoint must never run code",
    r"\b(import|from)\s+(pickle|cPickle|dill|cloudpickle|joblib)\b": "pickle runs code when it is read",
    r"allow_pickle\s*=\s*True": "pickle runs code when it is read",
    r"\byaml\.(load|full_load|unsafe_load)\(": "only yaml.safe_load",
    r"(?<![\w.])(eval|exec)\(": "no code from strings",
    r"\b(np|xp|numpy|torch|math)\.nan\b": "missing is a mask, never NaN",
    r"""float\(\s*["']nan["']\s*\)""": "missing is a mask, never NaN",
    r"from __future__ import annotations": "jaxtyping checks real annotations",
    r"\btyping import [^\n]*\bSelf\b": "jaxtyping's import hook can't resolve it",
    r"\b(import|from)\s+torchvision\b": "its wheels break torch 2.13 on a machine without CUDA",
    r"\b(NotImplementedError)\b": "a name that does nothing is worse than no name",
    UNFINISHED: "finish it or leave it out",
    MACHINE_PATH: "a path of one machine",
}

# Files of other programs hold NaN; their readers turn it into a mask.
AT_THE_BORDER = {pattern for pattern in IN_SOURCE if "nan" in pattern}

# In tests NaN and pickle are input that must be refused.
IN_TESTS = {UNFINISHED: "finish it or leave it out", MACHINE_PATH: "a path of one machine"}

TEXTS = ("*.md", "*.yaml", "*.yml", "*.toml", "*.cff", "Makefile", ".ci/run")
FOLDERS_OF_TEXT = ("conf", "docs", "datasets", "experiments", "deploy")


@pytest.mark.parametrize("pattern", IN_SOURCE)
def test_source_is_free_of(pattern: str):
    files = python_files("mvmono3d")
    if pattern in AT_THE_BORDER:
        files = [path for path in files if ROOT / "mvmono3d" / "formats" not in path.parents]
    assert not _hits(pattern, files), IN_SOURCE[pattern]


@pytest.mark.parametrize("pattern", IN_TESTS)
def test_tests_are_free_of(pattern: str):
    files = [path for path in python_files("tests") if path != Path(__file__).resolve()]
    assert not _hits(pattern, files), IN_TESTS[pattern]


@pytest.mark.parametrize("pattern", IN_TESTS)
def test_texts_are_free_of(pattern: str):
    files = [path for glob in TEXTS for path in ROOT.glob(glob)]
    files += [path for folder in FOLDERS_OF_TEXT for glob in TEXTS for path in (ROOT / folder).rglob(glob)]
    assert not _hits(pattern, files), IN_TESTS[pattern]


def test_the_patterns_find_what_they_forbid():
    guilty = "\n".join(
        [
            "torch.load(path, weights_only=False)",
            "import pickle",
            "np.load(path, allow_pickle=True)",
            "yaml.load(text)",
            "eval(text)",
            "points[missing] = np.nan",
            "x = float('nan')",
            "from __future__ import annotations",
            "from typing import Any, Self",
            "import torchvision",
            "raise NotImplementedError",
            "# TODO",
            "open('/home/me/data')",
        ]
    )
    assert [pattern for pattern in IN_SOURCE if not re.search(pattern, guilty)] == []
    innocent = "model.eval()\nnp.isnan(pixels)\nnp.load(path, allow_pickle=False)\nyaml.safe_load(text)"
    assert [pattern for pattern in IN_SOURCE if re.search(pattern, innocent)] == []


def _hits(pattern: str, files: list[Path]) -> list[str]:
    return [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(pattern, line)
    ]
