"""The service over gRPC: the same messages, the same refusals."""

import asyncio
import json

import pytest

from mvmono3d.deploy.server.service import StreamServer
from mvmono3d.deploy.server.settings import ServerSettings
from tests.deploy.server.streams import CONTROL, publishing, random_frame

grpc = pytest.importorskip("grpc", reason="no grpcio: pip install 'mvmono3d[grpc]'")

from mvmono3d.deploy.server.grpc_service import serving_grpc  # noqa: E402
from mvmono3d.deploy.server.protobuf import SERVICE, message_class  # noqa: E402


async def talk(settings, publisher, action):
    """Run an action against a server; it gets a function for each call."""
    async with (
        StreamServer(settings).listening() as server,
        serving_grpc(settings, 0, server.open_outbox, server.requests) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        while server.status != "live":
            await asyncio.sleep(0.02)
        serialise = message_class("Request").SerializeToString
        read = message_class("Envelope").FromString
        calls = {
            "Poses": channel.unary_stream(f"/{SERVICE}/Poses", serialise, read),
            "Command": channel.unary_unary(f"/{SERVICE}/Command", serialise, read),
        }
        return await action(calls, publisher)


def run(action, **more):
    with publishing() as (name, publisher):
        settings = ServerSettings(name=name, port=0, control_token=CONTROL, **more)
        return asyncio.run(talk(settings, publisher, action))


def request(**command):
    return message_class("Request")(json=json.dumps(command))


def test_poses_come_after_hello_and_the_newest_first():
    async def read(calls, publisher):
        publisher.publish(random_frame(7))
        kinds = []
        async for envelope in calls["Poses"](request()):
            kinds.append(envelope.WhichOneof("message"))
            if kinds[-1] == "pose":
                return kinds, envelope.pose.seq, list(envelope.pose.source)
        return kinds, None, None

    kinds, seq, source = run(read)
    assert (kinds, seq) == (["hello", "status", "pose"], 7)
    assert source == random_frame(7).actors[0].source.tolist()


def test_commands_need_the_token():
    async def order(calls, publisher):
        refused = await calls["Command"](request(cmd="recalibrate", token="wrong"))
        taken = await calls["Command"](request(cmd="recalibrate", token=CONTROL, id=4))
        broken = await calls["Command"](message_class("Request")(json="{"))
        return refused.failure.code, taken.reply.id, broken.failure.code, len(publisher.commands())

    assert run(order) == ("unauthorised", 4, "malformed", 1)


def test_reading_needs_a_token_where_one_is_set():
    async def read(calls, publisher):
        del publisher
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in calls["Poses"](request()):
                pass
        metadata = (("authorization", "Bearer a read token for tests"),)
        async for envelope in calls["Poses"](request(), metadata=metadata):
            return refused.value.code(), envelope.WhichOneof("message")
        return None

    found = run(read, read_token="a read token for tests")
    assert found == (grpc.StatusCode.UNAUTHENTICATED, "hello")
