"""The health board: whole or not at all, for any number of readers."""

import subprocess
import sys
import uuid

import pytest

from mvmono3d.deploy.capture.board import Board, BoardReader, read_health
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.ring.memory import path_of
from mvmono3d.errors import InvalidFileError

WRITE = """
import sys
from mvmono3d.deploy.capture.board import Board
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
board = Board(sys.argv[1])
number = 0
while True:
    board.write(CaptureHealth(pid=number, state=CaptureState.RUNNING, message=str(number) * 2000))
    if number == 0:
        print("ready", flush=True)
    number += 1
"""


@pytest.fixture
def name():
    name = f"test-{uuid.uuid4().hex}"
    yield name
    path_of(name + ".health").unlink(missing_ok=True)


def test_what_is_read_is_what_was_written_last(name: str):
    board = Board(name)
    for number in range(3):
        health = CaptureHealth(pid=number, state=CaptureState.RUNNING, message="é" * number)
        board.write(health)
        assert read_health(name) == health


def test_a_reading_is_never_torn(name: str):
    with subprocess.Popen([sys.executable, "-c", WRITE, name], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        reader = BoardReader(name)
        seen = set()
        for _ in range(300):
            health = reader.read()
            assert health.message == str(health.pid) * 2000
            seen.add(health.pid)
        process.kill()
    assert len(seen) > 1


def test_a_reader_keeps_the_last_words_of_a_board_that_was_removed(name: str):
    board = Board(name)
    board.write(CaptureHealth(pid=1, state=CaptureState.ENDED))
    reader = BoardReader(name)
    board.remove()
    Board(name).write(CaptureHealth(pid=2, state=CaptureState.RUNNING))
    assert reader.read().pid == 1
    assert read_health(name).pid == 2


def test_a_board_has_one_writer(name: str):
    board = Board(name)
    board.write(CaptureHealth(pid=1, state=CaptureState.RUNNING))
    with pytest.raises(InvalidFileError, match="already"):
        Board(name)
    assert read_health(name).pid == 1


def test_no_board_and_one_without_words_are_told_apart(name: str):
    with pytest.raises(InvalidFileError, match="no capture process"):
        read_health(name)
    Board(name)
    with pytest.raises(InvalidFileError, match="has not begun"):
        read_health(name)
