"""The Python client: newest poses for slow readers, orders, and connections that come back."""

import asyncio
import threading
import time

import numpy as np
import pytest

from mvmono3d.deploy.client import connect, connect_async, connect_clouds, connect_images
from mvmono3d.deploy.client.commands import get_status, recalibrate, set_roi
from mvmono3d.deploy.server.messages import CameraImage, Cloud, Images
from mvmono3d.deploy.server.settings import Limits
from mvmono3d.deploy.server.wire import Format
from mvmono3d.errors import StreamError
from tests.deploy.server.streams import CONTROL, SKELETON, publishing, random_frame, serving, stream
from tests.deploy.server.talk import wait_for


@pytest.mark.parametrize("format", [Format.MSGPACK, Format.JSON])
@pytest.mark.parametrize("credit", [None, 1, 3])
def test_a_client_reads_what_was_published(format, credit):
    with stream() as (publisher, _, url):
        publisher.publish(random_frame(0, actors=2))
        with connect(url, format=format, credit=credit) as poses:
            pose = poses.receive(10)
            assert pose is not None
            assert poses.hello.skeleton.joints == list(SKELETON.joints)
            expected = random_frame(0, actors=2).actors[1].points_world
            np.testing.assert_allclose(pose.actors[1].points_world, expected, atol=1e-6)
            publisher.publish(random_frame(1))
            later = poses.receive(10)
            assert later is not None
            assert later.seq == 1


def publish_at(publisher, rate_hz, ended):
    seq = 0
    while not ended.is_set():
        publisher.publish(random_frame(seq, published_ns=time.monotonic_ns()))
        seq += 1
        time.sleep(1 / rate_hz)


def test_a_slow_reader_gets_new_poses_and_none_in_wrong_order():
    ended = threading.Event()
    with stream() as (publisher, _, url):
        thread = threading.Thread(target=publish_at, args=(publisher, 100, ended))
        thread.start()
        try:
            with connect(url) as poses:
                seen = []
                for pose in poses:
                    seen.append((pose.seq, (time.monotonic_ns() - pose.published_ns) * 1e-6))
                    if len(seen) == 12:
                        break
                    time.sleep(0.1)
        finally:
            ended.set()
            thread.join()
    assert np.all(np.diff([seq for seq, _ in seen]) > 0)
    # Ten poses pass between two readings: one that had waited in a buffer would be 100 ms old.
    assert np.median([age for _, age in seen]) < 60


def test_orders_reach_the_loop_and_refusals_are_raised():
    with stream() as (publisher, _, url):
        with connect(url, control_token=CONTROL) as poses:
            poses.command(set_roi((0, 0, 0.5), (0.3, 0.3, 0.3)))
            poses.command(recalibrate())
            poses.command(get_status())
            assert poses.status is not None
        kinds = [type(command).__name__ for command in publisher.commands()]
        assert kinds == ["SetRoi", "Recalibrate"]
        with connect(url) as reader, pytest.raises(StreamError, match="control token"):
            reader.command(recalibrate())


def test_a_client_comes_back_when_the_server_does():
    with publishing() as (name, publisher):
        with serving(name) as server:
            port = server.port
            publisher.publish(random_frame(0))
            poses = connect(f"ws://127.0.0.1:{port}")
            first = poses.receive(10)
        with serving(name, port=port) as server:
            wait_for(lambda: server.status == "live")
            publisher.publish(random_frame(1))
            second = poses.receive(10)
            assert (first, second) != (None, None)
            assert second is not None
            assert second.seq == 1
            poses.close()


def test_without_a_server_a_reader_waits_no_longer_than_it_said_and_knows_why():
    with publishing() as (name, publisher):
        with serving(name) as server:
            publisher.publish(random_frame(0))
            poses = connect(f"ws://127.0.0.1:{server.port}", control_token=CONTROL, patience_s=60.0)
            assert poses.receive(10) is not None
            assert not poses.problem
        begun_s = time.monotonic()
        assert poses.receive(0.3) is None
        assert poses.receive(0.3) is None
        assert time.monotonic() - begun_s < 5.0
        assert "no stream at" in poses.problem
        with pytest.raises(StreamError, match="takes no orders"):
            poses.command(recalibrate())
        poses.close()


def test_a_reader_whose_patience_is_over_is_told():
    with publishing() as (name, publisher):
        with serving(name) as server:
            publisher.publish(random_frame(0))
            poses = connect(f"ws://127.0.0.1:{server.port}", patience_s=0.5)
            assert poses.receive(10) is not None
        with pytest.raises(StreamError, match="no stream at"):
            poses.receive(5.0)


def test_a_refusal_says_why():
    with pytest.raises(StreamError, match="no stream at"):
        connect("ws://127.0.0.1:1", patience_s=0.1)
    with pytest.raises(StreamError, match="expected ws://"):
        connect("http://127.0.0.1:8787")
    with (
        stream(Limits(clients=1)) as (_, _, url),
        connect(url),
        pytest.raises(StreamError, match="1 clients"),
    ):
        connect(url, patience_s=0.1)


def test_a_read_token_is_needed_where_one_is_set():
    token = "a read token for tests"
    with stream(read_token=token) as (publisher, _, url):
        publisher.publish(random_frame(0))
        with pytest.raises(StreamError, match="token"):
            connect(url, patience_s=0.1)
        with pytest.raises(StreamError, match="token"):
            connect(url, read_token="another token for tests", patience_s=0.1)
        with connect(url, read_token=token) as poses:
            assert poses.receive(10) is not None


def test_clouds_and_images_come_on_connections_of_their_own():
    cloud = Cloud(id=3, t_ns=1 << 60, count=1, origin=(0.0, 0.0, 0.0), step_m=1e-4, points=bytes(6))
    picture = CameraImage(camera="cam0", width=4, height=2, jpeg=b"\xff\xd8")
    images = Images(t_ns=1 << 60, images=[picture])
    with stream() as (publisher, _, url):
        publisher.publish_cloud(cloud)
        publisher.publish_images(images)
        with connect_clouds(url) as clouds, connect_images(url) as pictures, connect(url) as poses:
            assert clouds.receive(10) == cloud
            assert pictures.receive(10) == images
            assert poses.receive(0.2) is None


def test_the_asynchronous_client_reads_and_orders():
    async def read(url):
        async with connect_async(url, control_token=CONTROL) as poses:
            first = await poses.receive()
            await poses.command(recalibrate())
            return first.seq, poses.hello.skeleton.name

    with stream() as (publisher, _, url):
        publisher.publish(random_frame(5))
        assert asyncio.run(read(url)) == (5, "hand21")
        assert len(publisher.commands()) == 1
