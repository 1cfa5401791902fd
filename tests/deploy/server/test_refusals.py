"""What the server refuses: commands without the token, foreign pages, too many, too large, too fast."""

import json
import socket

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from mvmono3d.deploy.server.messages import SetRoi
from mvmono3d.deploy.server.settings import Limits
from tests.deploy.server.streams import CONTROL, random_frame, stream
from tests.deploy.server.talk import ask, closing_code, get, read_plain, wait_for

ROI = {"center": [0, 0, 0], "size": [0.3, 0.3, 0.3]}


def test_a_command_needs_the_token_and_reaches_the_loop():
    with stream() as (publisher, server, url), connect(url) as client:
        assert ask(client, cmd="set_roi", value=ROI, id=1)["code"] == "unauthorised"
        assert ask(client, cmd="set_roi", value=ROI, token="wrong", id=2)["code"] == "unauthorised"
        assert publisher.commands() == []
        assert ask(client, cmd="set_roi", value=ROI, token=CONTROL, id=3) == {
            "type": "reply", "cmd": "set_roi", "id": 3,
        }  # fmt: skip
        (command,) = publisher.commands()
        assert isinstance(command, SetRoi)
        assert (command.value.size, command.token) == ((0.3, 0.3, 0.3), None)
        assert (server.counts.commands_accepted, server.counts.commands_unauthorised) == (1, 2)


ORDERS = [
    {"cmd": "set_roi", "value": ROI},
    {"cmd": "set_exposure", "value": {"exposure_ns": 2_000_000}},
    {"cmd": "start_recording", "value": {"name": "a", "consent": "b", "purpose": "c"}},
    {"cmd": "stop_recording"},
    {"cmd": "recalibrate"},
    {"cmd": "status"},
]
TOKENS = [None, "", "x", CONTROL[:-1], CONTROL + " ", CONTROL.upper(), "\0", "é" * 16]


def test_no_command_is_taken_without_exactly_the_token():
    with stream(Limits(errors=1000, commands_per_s=1000, wrong_tokens=1000)) as (publisher, server, url):
        with connect(url) as client:
            for order in ORDERS:
                for token in TOKENS:
                    more = {} if token is None else {"token": token}
                    assert ask(client, **order, **more)["code"] == "unauthorised"
        assert (publisher.commands(), server.counts.commands_accepted) == ([], 0)


def test_who_guesses_too_often_is_not_heard_even_with_the_right_token():
    with stream(Limits(wrong_tokens=3)) as (publisher, _, url), connect(url) as client:
        for _ in range(3):
            ask(client, cmd="recalibrate", token="wrong")
        answer = ask(client, cmd="recalibrate", token=CONTROL)
        assert (answer["code"], "wait" in answer["message"]) == ("unauthorised", True)
        assert publisher.commands() == []


@pytest.mark.parametrize(
    "value",
    [
        {"center": [0, 0, 0], "size": [0, 1, 1]},
        {"center": [0, 0, 1e9], "size": [1, 1, 1]},
        {"center": [0, 0], "size": [1, 1, 1]},
        {"center": [0, 0, 0], "size": [1, 1, 1], "more": 1},
    ],
)
def test_a_region_that_makes_no_sense_is_refused(value):
    with stream() as (publisher, _, url), connect(url) as client:
        assert ask(client, cmd="set_roi", value=value, token=CONTROL)["code"] == "malformed"
        assert publisher.commands() == []


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/b", "a\0b", "", "a" * 65, "..", "C:x"])
def test_a_take_is_a_name_and_never_a_path(name):
    with stream() as (publisher, _, url), connect(url) as client:
        value = {"name": name, "consent": "p-017", "purpose": "gait"}
        assert ask(client, cmd="start_recording", value=value, token=CONTROL)["code"] == "malformed"
        assert publisher.commands() == []


def test_the_connection_lives_through_errors_and_ends_after_ten():
    with stream() as (publisher, server, url), connect(url) as client:
        publisher.publish(random_frame(0))
        for _ in range(9):
            assert ask(client, cmd="dance")["code"] == "malformed"
        client.send("{")
        assert (closing_code(client), server.counts.malformed) == (1008, 10)
        assert server.counts.uncaught == 0


def test_the_sixty_fifth_client_is_refused_with_a_reason_and_gets_in_when_one_leaves():
    with stream() as (_, server, url):
        clients = [connect(url) for _ in range(64)]
        with pytest.raises(InvalidStatus) as refused:
            connect(url)
        assert refused.value.response.status_code == 503
        assert b"64 clients are connected" in bytes(refused.value.response.body or b"")
        clients.pop().close()
        wait_for(lambda: len(server._outboxes) == 63)
        with connect(url) as late:
            assert read_plain(late)["type"] == "hello"
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost.evil.example"}],
)
def test_a_page_of_another_site_is_refused(headers):
    with stream() as (_, _, url), pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers=headers)
    assert refused.value.response.status_code == 403


def test_pages_of_this_machine_and_named_ones_may_connect():
    with stream(origins=("https://lab.example",)) as (_, _, url):
        for origin in ("http://localhost:8080", "http://127.0.0.1", "https://lab.example"):
            with connect(url, origin=Origin(origin)) as client:
                assert client.recv(timeout=10)


def test_a_name_that_was_made_to_point_here_is_refused():
    with stream() as (_, server, _):
        assert get(server, "/metrics", Host="rebound.example")[0] == 401


def test_a_message_that_is_too_large_closes_the_connection():
    with stream() as (_, server, url), connect(url) as client:
        client.send("x" * (1 << 17))
        assert closing_code(client) == 1009
        assert server.counts.uncaught == 0


def test_a_client_that_floods_is_closed():
    with stream(Limits(messages_per_s=10)) as (_, _, url), connect(url) as client:
        assert closing_code(client, send=json.dumps({"cmd": "ack", "value": 1})) == 1008


def test_half_open_connections_are_dropped_and_others_get_in_meanwhile():
    with stream(Limits(open_s=0.5)) as (_, server, url):
        half = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        half[0].sendall(b"GET / HTTP/1.1\r\nHost: 127.")
        with connect(url) as client:
            assert client.recv(timeout=10)
        for each in half:
            each.settimeout(5)
            assert each.recv(100) == b""
            each.close()
        assert server.counts.uncaught == 0
