"""Every command that a document shows works, or says why nobody runs it here.

A comment on the line before a `bash` block decides: `<!-- run -->`, `<!-- run slow -->` or
`<!-- not run: why -->`. The blocks of a page run in order in one folder that looks like the checkout.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT, name_of

BLOCK = re.compile(r"(?:^(?P<comment>[^\n]*)\n)?^```bash\n(?P<commands>.*?)^```", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (?:(?P<run>run)(?P<slow> slow)?|not run: \S.*) -->")

WRITTEN = {"logs", "outputs", "multirun", "wandb", "build", "dist", "site", "bundles"}
"""What commands write: a page begins without it."""


def _pages() -> list[Path]:
    guides = [path for folder in ("tutorials", "how-to") for path in (ROOT / "docs" / folder).rglob("*.md")]
    return [ROOT / "README.md", ROOT / "docs" / "index.md", *sorted(guides)]


def _blocks(text: str) -> list[tuple[str, re.Match[str] | None]]:
    return [
        (found["commands"], MARK.fullmatch((found["comment"] or "").strip()))
        for found in BLOCK.finditer(text)
    ]


def _stories() -> list:
    stories = []
    for page in _pages():
        blocks = _blocks(page.read_text()) if page.exists() else []
        runnable = [(commands, mark) for commands, mark in blocks if mark and mark["run"]]
        if runnable:
            slow = any(mark["slow"] for _, mark in runnable)
            marks = (pytest.mark.slow, pytest.mark.timeout(900)) if slow else ()
            script = "\n".join(commands for commands, _ in runnable)
            stories.append(pytest.param(script, id=name_of(page), marks=marks))
    return stories


@pytest.mark.parametrize("script", _stories())
def test_the_commands_of_a_page_work(script: str, tmp_path: Path):
    for entry in ROOT.iterdir():
        if not entry.name.startswith(".") and entry.name not in WRITTEN:
            (tmp_path / entry.name).symlink_to(entry)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # A user has nothing of this test run in the environment; threads would only fight each other.
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_every_block_says_whether_it_runs():
    undecided = [
        f"{name_of(page)}: {commands.splitlines()[0]}"
        for page in _pages()
        if page.exists()
        for commands, mark in _blocks(page.read_text())
        if mark is None
    ]
    assert not undecided, "put <!-- run -->, <!-- run slow --> or <!-- not run: why --> before these blocks"


def test_a_mark_is_read_from_the_line_before_its_block():
    page = (
        "<!-- run -->\n```bash\nls\n```\ntext\n"
        "<!-- not run: cameras -->\n```bash\nrecord\n```\n\n"
        "```bash\nlost\n```\n"
    )
    (ls, run), (record, reason), (lost, nothing) = _blocks(page)
    assert [ls, record, lost] == ["ls\n", "record\n", "lost\n"]
    assert run
    assert run["run"]
    assert reason
    assert not reason["run"]
    assert nothing is None
