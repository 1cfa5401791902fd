"""A bell wakes who waits, is never missed, and survives either end."""

import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from mvmono3d.deploy.ring.bell import Bell, Listener
from mvmono3d.deploy.ring.memory import path_of
from mvmono3d.deploy.ring.pipe import remove_pipes


@pytest.fixture
def name() -> Iterator[str]:
    own = f"bell-{uuid.uuid4().hex[:8]}"
    yield own
    remove_pipes(own)


def test_a_set_wakes_who_waits(name: str):
    listener, bell = Listener(name), Bell(name)
    threading.Timer(0.05, bell.ring).start()
    begun_s = time.monotonic()
    assert listener.wait(20.0)
    assert time.monotonic() - begun_s < 10.0
    assert not listener.wait(0.0)


def test_what_was_rung_while_nobody_waited_is_heard_once(name: str):
    listener, bell = Listener(name), Bell(name)
    for _ in range(100_000):
        bell.ring()
    assert listener.wait(0.0)
    assert not listener.wait(0.0)


def test_without_a_listener_nothing_is_left_behind(name: str):
    Bell(name).ring()
    assert not path_of(f"{name}.sets").exists()


def test_a_listener_that_comes_later_or_anew_is_woken(name: str):
    bell = Bell(name)
    bell.ring()
    for _ in range(2):
        listener = Listener(name)
        bell.ring()
        assert listener.wait(0.0)
        listener.close()
        remove_pipes(name)
