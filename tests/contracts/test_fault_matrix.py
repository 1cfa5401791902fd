"""Every fault has a test, or a reason why it has none."""

import ast
import tomllib
from functools import cache

import pytest

from tests.contracts.repository import ROOT

MATRIX = tomllib.loads((ROOT / "tests" / "faults" / "matrix.toml").read_text())["row"]
IDS = [row["id"] for row in MATRIX]
PROMISED = [
    *(f"C{n}" for n in range(1, 12)),
    *(f"R{n}" for n in range(1, 10)),
    *(f"P{n}" for n in range(1, 5)),
]


@cache
def _tests_of(file: str) -> frozenset[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module(body=[], type_ignores=[])
    functions = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(name for name in functions if name.startswith("test_"))


def complaints(row: dict) -> list[str]:
    """What is wrong with a row of the matrix."""
    named = row.get("tests", [])
    found = [
        f"no test {test}" for test in named if test.split("::")[-1] not in _tests_of(test.split("::")[0])
    ]
    found += [f"lacks {key!r}" for key in ("happens", "seen") if not row.get(key, "").strip()]
    found += [f"unknown key {key!r}" for key in row.keys() - {"id", "happens", "seen", "tests", "open"}]
    if not named and "open" not in row:
        found.append("neither tests nor a reason in 'open'")
    if "open" in row and len(row["open"].split()) < 4:
        found.append("'open' is no reason")
    return found


@pytest.mark.parametrize("row", MATRIX, ids=IDS)
def test_a_row_names_tests_that_exist_or_says_why_not(row):
    assert complaints(row) == []


def test_every_promised_row_is_there_once():
    assert PROMISED == IDS


def test_a_bad_row_is_noticed():
    here = "tests/contracts/test_fault_matrix.py"
    fine = {"id": "X", "happens": "a", "seen": "b", "tests": [f"{here}::test_a_bad_row_is_noticed"]}
    assert complaints(fine) == []
    assert complaints(fine | {"tests": [f"{here}::test_gone"]})
    assert complaints(fine | {"tests": ["tests/gone.py::test_gone"]})
    assert complaints(fine | {"tests": []})
    assert complaints(fine | {"open": "later"})
    assert complaints(fine | {"seen": " "})
    assert complaints(fine | {"tets": []})
