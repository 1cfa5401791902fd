"""Nobody reads a long file to its end."""

import ast

from tests.contracts.repository import name_of, python_files

LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 50


def test_files_are_short():
    lengths = {
        name_of(path): len(path.read_text().splitlines()) for path in python_files("mvmono3d", "tests")
    }
    long = {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FILE}
    assert not long, f"files over {LINES_OF_A_FILE} lines: {long}"


def test_functions_are_short():
    long = {
        f"{name_of(path)}:{node.lineno} {node.name}": _length(node)
        for path in python_files("mvmono3d")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _length(node) > LINES_OF_A_FUNCTION
    }
    assert not long, f"functions over {LINES_OF_A_FUNCTION} lines: {long}"


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
