"""The server over the wire: what is delivered, to whom, and what becomes of it when the loop dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from mvmono3d.deploy.server.messages import Pose, Status
from mvmono3d.deploy.server.settings import Limits
from mvmono3d.deploy.server.wire import Format
from tests.deploy.server.streams import CONTROL, forget, publishing, random_frame, serving, stream
from tests.deploy.server.talk import ask, get, read_plain, read_until, wait_for


def test_a_client_gets_hello_then_status_then_the_newest_pose():
    with stream() as (publisher, _, url):
        for seq in range(4):
            publisher.publish(random_frame(seq))
        with connect(url) as client:
            kinds = [read_plain(client)["type"] for _ in range(2)]
            assert kinds == ["hello", "status"]
            assert read_until(client, Pose).seq == 3
            publisher.publish(random_frame(4))
            assert read_until(client, Pose).seq == 4


def test_json_is_text_by_subprotocol():
    with stream() as (publisher, _, url):
        publisher.publish(random_frame(0))
        with connect(url, subprotocols=[Subprotocol(Format.JSON)]) as client:
            assert client.subprotocol == Format.JSON
            first = client.recv(timeout=10)
            assert isinstance(first, str)
            assert json.loads(first)["type"] == "hello"
            assert read_until(client, Pose, Format.JSON).seq == 0


def test_with_credit_the_next_pose_comes_after_the_acknowledgement_and_is_the_newest():
    with stream() as (publisher, _, url), connect(url) as client:
        client.send(json.dumps({"cmd": "subscribe", "value": {"credit": 1}, "id": 1}))
        while read_plain(client)["type"] != "reply":
            pass
        publisher.publish(random_frame(0))
        assert read_until(client, Pose).seq == 0
        for seq in range(1, 6):
            publisher.publish(random_frame(seq))
            time.sleep(0.02)
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.3)
        client.send(json.dumps({"cmd": "ack", "value": 0}))
        assert read_until(client, Pose).seq == 5


def test_a_client_that_reads_nothing_is_cut_and_others_go_on():
    limits = Limits(send_s=0.3)
    with stream(limits) as (publisher, server, url), connect(url, max_queue=1) as reader:
        stalled = socket.create_connection(("127.0.0.1", server.port))
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        wait_for(lambda: len(server._outboxes) == 2)
        seq = 0
        while server.counts.clients_cut == 0:
            publisher.publish(random_frame(seq, actors=6))
            assert read_until(reader, Pose).seq == seq
            seq += 1
            assert seq < 2000
        stalled.close()
        publisher.publish(random_frame(seq))
        assert read_until(reader, Pose).seq == seq


def test_health_and_metrics_tell_what_happens():
    with stream() as (publisher, server, url), connect(url) as client:
        publisher.publish(random_frame(0))
        read_until(client, Pose)
        status, text = get(server, "/health")
        health = json.loads(text)
        assert (status, health["status"], health["clients"]) == (200, "live", 1)
        metrics = dict(line.split() for line in get(server, "/metrics")[1].splitlines() if line[0] != "#")
        assert metrics["mvmono3d_stream_poses_published_total"] == "1"
        assert metrics["mvmono3d_stream_clients"] == "1"
        assert get(server, "/nothing")[0] == 404


_LOOP = """
import sys, time
from tests.deploy.server.streams import SKELETON, random_frame, random_rig
from mvmono3d.deploy.server.channel import Publisher
from mvmono3d.deploy.server.convert import hello_message
publisher = Publisher(sys.argv[1], hello_message(SKELETON, random_rig()))
for seq in range(100000):
    publisher.publish(random_frame(seq))
    time.sleep(0.02)
"""


def start_loop(name):
    return subprocess.Popen([sys.executable, "-c", _LOOP, name], env=os.environ | {"PYTHONPATH": "."})


def status_is(client, wanted):
    while read_until(client, Status).source != wanted:
        pass


def test_a_killed_loop_is_stated_and_the_next_one_is_streamed():
    name = f"test-{os.getpid()}-kill"
    first = start_loop(name)
    try:
        with serving(name) as server:
            wait_for(lambda: server.status == "live", 60)
            with connect(f"ws://127.0.0.1:{server.port}") as client:
                read_until(client, Pose)
                first.send_signal(signal.SIGKILL)
                first.wait()
                status_is(client, "lost")
                assert get(server, "/health")[0] == 503
                answer = ask(client, cmd="recalibrate", token=CONTROL)
                assert answer["code"] == "unavailable"
                second = start_loop(name)
                try:
                    wait_for(lambda: server.status == "live", 60)
                    status_is(client, "live")
                    read_until(client, Pose)
                finally:
                    second.kill()
                    second.wait()
    finally:
        first.kill()
        first.wait()
        forget(name)


def test_before_anything_is_published_clients_are_told_to_wait():
    with publishing() as (name, _):
        pass
    try:
        with serving(name) as server, pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{server.port}")
        assert refused.value.response.status_code == 503
        assert b"nothing was published yet" in bytes(refused.value.response.body or b"")
    finally:
        forget(name)


def test_an_answer_does_not_wait_for_the_acknowledgement_of_the_one_before():
    waits_s = []
    with stream() as (publisher, _, url):
        publisher.publish(random_frame(0))
        for _ in range(3):
            with connect(f"{url}/cloud") as client:
                client.recv(timeout=10), client.recv(timeout=10)
                for _ in range(4):
                    begun_s = time.perf_counter()
                    client.send("x"), client.send("x")
                    client.recv(timeout=10), client.recv(timeout=10)
                    waits_s.append(time.perf_counter() - begun_s)
    # A system that acknowledges late does so after 40 ms.
    assert sorted(waits_s)[len(waits_s) // 2] < 0.02
