"""The loop waits for a slow detector where nothing is lost by it, and not for one that is gone."""

import threading
import time
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from mvmono3d.deploy.detect.exchange import Answer, Ask, Inlet, Outlet, answer_name, ask_name
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.deploy.loop.eyes import Looked, RemoteEyes
from mvmono3d.deploy.loop.state import Question
from mvmono3d.deploy.ring.pipe import remove_pipes

_SLOW_S = 0.4
_SEARCH = Question(windows=(), actors=(), search=True)
_FOLLOWED = Question(
    windows=(Windows.level(np.zeros((4, 2)), np.ones(4), np.ones(4, dtype=bool)),), actors=(0,), search=False
)


@pytest.fixture
def name() -> Iterator[str]:
    own = f"eyes-{uuid.uuid4().hex[:8]}"
    yield own
    remove_pipes(own)


def _ask(name: str, asked: Question) -> Looked:
    """Ask a detector that takes its time."""
    eyes = RemoteEyes(name, views=4, joints=21, patience_s=0.05)
    asks, answers = Inlet(ask_name(name), Ask), Outlet[Answer](answer_name(name))

    def look() -> None:
        ask = asks.take(10.0)
        time.sleep(_SLOW_S)
        answers.put(Answer(number=-1 if ask is None else ask.number))

    # The loop knows of a detector once it has said anything.
    answers.put(Answer(number=-2))
    slow = threading.Thread(target=look)
    slow.start()
    try:
        return eyes.look(7, asked)
    finally:
        slow.join()
        for each in (eyes, asks, answers):
            each.close()


def test_a_search_is_waited_for(name: str):
    found = _ask(name, _SEARCH)
    assert not found.problem
    assert found.sighting is not None


def test_while_somebody_is_followed_the_loop_goes_on_without(name: str):
    found = _ask(name, _FOLLOWED)
    assert found.sighting is None
    assert "within 0.05 s" in found.problem


def test_one_that_is_not_there_is_not_waited_for(name: str):
    eyes = RemoteEyes(name, views=4, joints=21, patience_s=5.0)
    begun_s = time.monotonic()
    assert eyes.look(1, _SEARCH).problem == "the detector is not there"
    assert time.monotonic() - begun_s < 2.0
    eyes.close()
