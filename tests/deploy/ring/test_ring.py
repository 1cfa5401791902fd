"""What is read is what was written, also when readers are slow or anybody is killed."""

import os
import signal
import subprocess
import sys
import uuid

import numpy as np
import pytest

from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.ring.memory import path_of, release, remove_ring
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.deploy.ring.writer import RingFrame, RingWriter
from mvmono3d.errors import ConfigurationError, InvalidFileError, InvalidRecordError

LAYOUT = RingLayout(views=2, height=8, width=16, buffers=8, sets=4)

WRITE = """
import sys
from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.ring.writer import RingWriter
from tests.deploy.ring.pictures import write_set
layout = RingLayout(views=2, height=int(sys.argv[2]), width=512, buffers=8, sets=4)
with RingWriter(sys.argv[1], layout) as ring:
    print("ready", flush=True)
    number = 0
    while True:
        write_set(ring, number, views=2)
        number += 1
"""
READ = """
import sys
from mvmono3d.deploy.ring.reader import RingReader
reader = RingReader(sys.argv[1])
print("ready", flush=True)
while True:
    reader.latest()
"""


@pytest.fixture
def name():
    name = f"test-{uuid.uuid4().hex}"
    yield name
    path_of(name).unlink(missing_ok=True)


def write(ring: RingWriter, value: int, *, views=(0, 1)) -> int:
    frames = []
    for view in views:
        slot, image = ring.reserve(view)
        image[:] = value + view
        ring.commit(view, slot)
        frames.append(RingFrame(view=view, slot=slot, frame_id=value, device_ns=2**60 + value, host_ns=value))
    return ring.publish(frames, time_ns=2**61 + value, spread_ns=3)


def start(code: str, *arguments: str) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_set_comes_out_as_it_went_in(name):
    with RingWriter(name, LAYOUT) as ring, RingReader(name) as reader:
        assert reader.latest() is None
        assert write(ring, 7, views=(1,)) == 0
        found = reader.latest()
        assert found is not None
        assert found.present.tolist() == [False, True]
        assert found.frame_id.tolist() == [0, 7]
        assert (found.number, found.time_ns, found.spread_ns) == (0, 2**61 + 7, 3)
        assert found.device_ns[1] == 2**60 + 7
        assert (found.images[1] == 8).all()
        assert not found.images[0].any()
        assert reader.latest() is None


def test_sixteen_bits_survive(name):
    layout = RingLayout(views=1, height=3, width=5, itemsize=2)
    with RingWriter(name, layout) as ring, RingReader(name) as reader:
        slot, image = ring.reserve(0)
        image[:] = np.arange(15).reshape(3, 5) * 4000
        ring.commit(0, slot)
        ring.publish([RingFrame(view=0, slot=slot, frame_id=1, device_ns=2, host_ns=3)], time_ns=4)
        found = reader.next()
        assert found is not None
        assert np.array_equal(found.images[0], np.arange(15).reshape(3, 5) * 4000)


@pytest.mark.parametrize("in_order", [True, False])
def test_every_set_is_seen_or_counted_as_skipped(name, in_order):
    random, seen = np.random.default_rng(0), []
    with RingWriter(name, LAYOUT) as ring, RingReader(name) as reader:
        for value in range(60):
            write(ring, value)
            for _ in range(random.integers(0, 3)):
                found = reader.next() if in_order else reader.latest()
                if found is not None:
                    assert (found.images[0] == found.number).all()
                    seen.append(found.number)
        while (found := reader.next()) is not None:
            seen.append(found.number)
        assert seen == sorted(set(seen))
        assert seen[-1] == 59
        assert len(seen) + reader.skipped == 60


def test_a_reader_that_comes_late_begins_with_what_comes_next(name):
    with RingWriter(name, LAYOUT) as ring:
        write(ring, 1)
        with RingReader(name) as reader:
            assert reader.next() is None
            write(ring, 2)
            assert reader.next() is not None
            assert reader.skipped == 0


def test_an_image_whose_buffer_was_used_again_is_neither_published_nor_read(name):
    with RingWriter(name, LAYOUT) as ring, RingReader(name) as reader:
        slot, _ = ring.reserve(0)
        frame = RingFrame(view=0, slot=slot, frame_id=1, device_ns=1, host_ns=1)
        with pytest.raises(InvalidRecordError, match="not there"):
            ring.publish([frame], time_ns=1)
        ring.commit(0, slot)
        ring.publish([frame], time_ns=1)
        for _ in range(LAYOUT.buffers):
            ring.reserve(0)
        assert reader.latest() is None
        assert reader.torn > 0
        with pytest.raises(InvalidRecordError, match="more buffers"):
            ring.publish([frame], time_ns=1)


def test_two_writers_are_refused_and_a_missing_ring_is_named(name):
    with RingWriter(name, LAYOUT), pytest.raises(InvalidFileError, match=f"process {os.getpid()}"):
        RingWriter(name, LAYOUT)
    with pytest.raises(InvalidFileError, match="start it first"):
        RingReader(name)
    with pytest.raises(InvalidFileError, match="letters"):
        RingReader("../etc")


def test_a_closed_ring_is_gone_and_its_readers_know(name):
    ring = RingWriter(name, LAYOUT)
    reader = RingReader(name)
    assert reader.writer_lives
    write(ring, 5)
    ring.close()
    ring.close()
    assert reader.closed
    assert not reader.writer_lives
    # What was published last can still be read.
    assert reader.latest() is not None
    assert not path_of(name).exists()


def test_another_layout_replaces_the_ring(name):
    first = RingWriter(name, LAYOUT)
    reader = RingReader(name)
    release(first._descriptor)  # as if the process had been killed
    with RingWriter(name, RingLayout(views=1, height=4, width=4)) as second:
        assert reader.closed
        with RingReader(name) as again:
            slot, _ = second.reserve(0)
            second.commit(0, slot)
            second.publish([], time_ns=1)
            assert again.latest() is not None


@pytest.mark.parametrize("size", [{"views": 0}, {"itemsize": 3}, {"buffers": 2, "sets": 4}])
def test_impossible_layouts_are_refused(size):
    with pytest.raises(ConfigurationError, match="expected"):
        RingLayout(**({"views": 2, "height": 4, "width": 4} | size))


def test_a_writer_that_is_faster_than_its_readers_never_shows_a_torn_picture(name):
    writer = start(WRITE, name, "256")
    try:
        with RingReader(name) as reader:
            seen = 0
            for attempt in range(4000):
                found = reader.latest() if attempt % 2 else reader.next()
                if found is None:
                    continue
                seen += 1
                expected = [(found.number * 2 + view) % 251 for view in range(2)]
                assert found.images.min(axis=(1, 2)).tolist() == expected
                assert found.images.max(axis=(1, 2)).tolist() == expected
                assert found.frame_id.tolist() == [found.number] * 2
                if seen == 150:
                    break
            assert seen > 10
    finally:
        kill(writer)


def test_a_killed_writer_is_noticed_and_the_next_one_takes_over(name):
    writer = start(WRITE, name, "64")
    with RingReader(name) as reader:
        assert reader.writer_lives
        kill(writer)
        assert not reader.writer_lives
        while reader.next() is not None:
            pass
        with RingWriter(name, RingLayout(views=2, height=64, width=512, buffers=8, sets=4)) as second:
            assert reader.writer_lives
            assert reader.writer_restarted()
            assert not reader.writer_restarted()
            number = write(second, 100)
            found = reader.next()
            assert found is not None
            assert found.number == number
            assert (found.images[1] == 101).all()
    assert not path_of(name).exists()


def _of_ring(name: str) -> list[str]:
    return sorted(path.name for path in path_of(name).parent.iterdir() if name in path.name)


def test_a_killed_reader_leaves_nothing_behind(name):
    with RingWriter(name, LAYOUT) as ring:
        before = sorted(path.name for path in path_of(name).parent.iterdir())
        reader = start(READ, name)
        kill(reader)
        assert sorted(path.name for path in path_of(name).parent.iterdir()) == before
        with RingReader(name) as other:
            write(ring, 1)
            assert other.latest() is not None


def test_what_a_killed_writer_left_can_be_removed_but_not_a_living_ring(name):
    writer = start(WRITE, name, "64")
    assert not remove_ring(name)
    kill(writer)
    assert path_of(name).exists()
    assert remove_ring(name)
    assert not remove_ring(name)
    assert not path_of(name).exists()


def test_of_a_set_only_what_was_asked_for_is_copied(name):
    with RingWriter(name, LAYOUT) as ring, RingReader(name) as reader:
        write(ring, 1)
        whole = reader.at(0)
        assert whole is not None
        boxes = np.array([[1, 0, 3, 1], [-5, -5, 2, 400]] + [[0, 0, 0, 0]] * (LAYOUT.views - 2))
        part = reader.at(0, boxes=boxes)
        assert part is not None
        wanted = np.zeros_like(whole.images)
        wanted[0, 0:1, 1:3] = whole.images[0, 0:1, 1:3]
        wanted[1, :, 0:2] = whole.images[1, :, 0:2]
        np.testing.assert_array_equal(part.images, wanted)
        assert whole.images[0, 0, 1] != 0


def test_a_set_is_found_by_its_time_while_it_is_there(name):
    with RingWriter(name, LAYOUT) as ring, RingReader(name) as reader:
        assert reader.number_at(2**61) is None
        for value in range(LAYOUT.sets + 3):
            assert write(ring, 2 * value) == value
        newest = LAYOUT.sets + 2
        assert reader.number_at(2**61 + 2 * newest) == newest
        assert reader.number_at(2**61 + 2 * (newest - 1)) == newest - 1
        assert reader.number_at(2**61 + 2 * newest - 1) is None
        assert reader.number_at(2**61 + 2 * newest + 2) is None
        assert reader.number_at(2**61) is None
