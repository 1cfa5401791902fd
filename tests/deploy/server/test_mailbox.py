"""The mailbox: newest wins, nothing torn, and either end may die."""

import os
import signal
import subprocess
import sys
import threading
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.deploy.server.mailbox import MailboxReader, MailboxWriter
from mvmono3d.errors import InvalidFileError, InvalidRecordError


@pytest.fixture
def name():
    return f"test-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.one_of(st.none(), st.binary(max_size=64)), max_size=30))
def test_a_reader_gets_the_newest_message_once(steps):
    box = f"test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with MailboxWriter(box, slot_bytes=64) as writer:
        reader, newest = MailboxReader(box), None
        for step in steps:
            if step is None:
                assert reader.take() == newest
                newest = None
            else:
                writer.put(step)
                newest = step
        reader.close()


def test_what_was_replaced_is_counted(name):
    with MailboxWriter(name, slot_bytes=8) as writer:
        reader = MailboxReader(name)
        writer.put(b"0")
        assert reader.take() == b"0"
        for number in range(1, 6):
            writer.put(str(number).encode())
        assert (reader.take(), reader.skipped) == (b"5", 4)
        reader.close()


def test_no_message_is_ever_torn(name):
    with MailboxWriter(name, slot_bytes=1 << 16) as writer:
        reader, ended = MailboxReader(name), threading.Event()

        def write() -> None:
            number = 0
            while not ended.is_set():
                writer.put(bytes([number % 256]) * (1 << 16))
                number += 1

        thread = threading.Thread(target=write)
        thread.start()
        try:
            taken = [message for message in (reader.take() for _ in range(3000)) if message is not None]
        finally:
            ended.set()
            thread.join()
        assert taken
        assert all(len(set(message)) == 1 for message in taken)
        reader.close()


def test_there_is_one_writer_and_a_message_has_a_size(name):
    with MailboxWriter(name, slot_bytes=8) as writer:
        with pytest.raises(InvalidFileError, match="writer already"):
            MailboxWriter(name, slot_bytes=8)
        with pytest.raises(InvalidRecordError, match="9 bytes, at most 8"):
            writer.put(b"123456789")


def test_a_reader_without_a_writer_is_told_so(name):
    with pytest.raises(InvalidFileError, match="nobody publishes"):
        MailboxReader(name)


_KILLED = """
import os, sys, time
from mvmono3d.deploy.server.mailbox import MailboxWriter
writer = MailboxWriter(sys.argv[1], slot_bytes=8)
writer.put(b"first")
print("ready", flush=True)
time.sleep(60)
"""


def test_after_a_kill_the_reader_goes_on_with_the_next_writer(name):
    child = subprocess.Popen([sys.executable, "-c", _KILLED, name], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    reader = MailboxReader(name)
    assert (reader.take(), reader.writer_lives) == (b"first", True)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not reader.writer_lives
    with MailboxWriter(name, slot_bytes=8) as writer:
        assert (reader.take(), reader.writer_lives, reader.closed) == (None, True, False)
        writer.put(b"second")
        assert reader.take() == b"second"
    assert reader.closed
    reader.close()


def test_what_was_replaced_since_the_reader_came_is_counted_also_before_its_first_look():
    name = f"test-{uuid.uuid4().hex[:8]}"
    with MailboxWriter(name, slot_bytes=64) as writer:
        early = MailboxReader(name)
        for number in range(5):
            writer.put(bytes([number]))
        late = MailboxReader(name)
        assert early.take() == late.take() == bytes([4])
        assert (early.skipped, late.skipped) == (4, 0)
