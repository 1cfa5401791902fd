"""A hundred thousand messages that are no commands, and the C++ client of the documentation."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from mvmono3d.deploy.server.access import Guesses
from mvmono3d.deploy.server.counts import Counts
from mvmono3d.deploy.server.outbox import Outbox
from mvmono3d.deploy.server.requests import Requests
from mvmono3d.deploy.server.settings import Limits
from mvmono3d.deploy.server.wire import Format
from tests.benchmarks.stream_malformed import malformed_message
from tests.deploy.server.streams import CONTROL, random_frame, stream

ROOT = Path(__file__).resolve().parents[3]
CHUNK = 10_000


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(10))
def test_malformed_messages_raise_nothing_and_order_nothing(seed):
    draw, counts, taken = random.Random(seed), Counts(), []
    limits = Limits(messages_per_s=1e9, errors=CHUNK + 1)

    def send(command):
        taken.append(command)
        return True

    def requests(outbox):
        return Requests(
            outbox, address="here", control_token=CONTROL, limits=limits, guesses=Guesses(5), counts=counts,
            send=send, tell_status=lambda outbox: None,
        )  # fmt: skip

    outbox = Outbox(Format.MSGPACK)
    handler = requests(outbox)
    for _ in range(CHUNK):
        assert handler.handle(malformed_message(draw)) is None
        list(outbox.take())
    assert (taken, counts.commands_accepted) == ([], 0)
    assert counts.malformed > CHUNK / 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_client_in_c_plus_plus_compiles_and_reads(tmp_path):
    compiler, schema = shutil.which("g++"), shutil.which("flatc")
    headers = Path("/usr/include/websocketpp/client.hpp")
    if compiler is None or schema is None or not headers.exists():
        pytest.skip("needs g++ and apt-get install flatbuffers-compiler libwebsocketpp-dev libasio-dev")
    subprocess.run(
        [schema, "--cpp", ROOT / "deploy" / "stream" / "pose_stream.fbs"], cwd=tmp_path, check=True
    )
    source = ROOT / "docs" / "how-to" / "read_pose_stream.cpp"
    command = [
        compiler,
        "-std=c++17",
        "-DASIO_STANDALONE",
        f"-I{tmp_path}",
        source,
        "-o",
        "client",
        "-lpthread",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=600)
    frame = random_frame(5)
    with stream() as (publisher, _, url):
        publisher.publish(frame)
        with subprocess.Popen([tmp_path / "client", url], stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            line = client.stdout.readline().split()
            # The next one comes only because the last one was acknowledged.
            publisher.publish(random_frame(6))
            while not (following := client.stdout.readline()).startswith("6 "):
                assert following.startswith("5 ")
            client.kill()
    joint = int((frame.actors[0].source > 0).argmax())
    assert line[:3] == ["5", "joint", f"{joint}:"]
    found = [float(value) for value in line[3:6]]
    assert found == pytest.approx(frame.actors[0].points_world[joint].tolist(), abs=1e-4)
