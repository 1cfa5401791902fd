"""Messages: what goes in comes out, in every format, to the stated precision."""

import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.deploy.server.convert import hello_message, pose_frame, pose_message, rig_of
from mvmono3d.deploy.server.messages import Cloud, Hello, Pose, Status
from mvmono3d.deploy.server.pose_frame import CONFIDENCE_WITHIN_M, ActorPose
from mvmono3d.deploy.server.wire import Format, decode, decode_command, encode
from mvmono3d.errors import InvalidRecordError, StreamError
from tests.deploy.server.streams import JOINTS, SKELETON, random_actor, random_frame, random_rig

READABLE = (Format.MSGPACK, Format.JSON)


@pytest.mark.parametrize("format", READABLE)
@pytest.mark.parametrize("actors", [0, 1, 3])
def test_a_pose_comes_back_to_the_stated_precision(format, actors):
    frame = random_frame(7, actors=actors)
    message = decode(encode(pose_message(frame), format), format)
    assert isinstance(message, Pose)
    found = pose_frame(message)
    assert (found.seq, found.time_ns, found.warnings) == (frame.seq, frame.time_ns, frame.warnings)
    assert (found.objects, found.metrics, found.cloud_id) == (frame.objects, frame.metrics, frame.cloud_id)
    np.testing.assert_array_equal(found.view_present, frame.view_present)
    assert len(found.actors) == actors
    for one, other in zip(found.actors, frame.actors, strict=True):
        assert one.actor == other.actor
        for name in ("source", "decided_by", "reason"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        np.testing.assert_allclose(one.points_world, other.points_world, atol=0.6e-6)
        np.testing.assert_allclose(one.covariance_world, other.covariance_world, atol=0.6e-12)
        np.testing.assert_allclose(one.occlusion, other.occlusion, atol=0.0051)
        np.testing.assert_allclose(one.weights, other.weights, atol=0.0051)
        np.testing.assert_allclose(one.reprojection_px, other.reprojection_px, atol=0.0051)


@pytest.mark.parametrize("format", READABLE)
def test_other_messages_come_back_as_they_were(format):
    hello = hello_message(SKELETON, random_rig())
    status = Status(source="live", exposure_ns=2_000_000, detail={"detector": "restarting"})
    cloud = Cloud(id=3, t_ns=1 << 60, count=2, origin=(0.0, 1.0, 2.0), step_m=1e-4, points=bytes(range(12)))
    for message in (hello, status, cloud):
        assert decode(encode(message, format), format) == message


def test_the_rig_comes_back():
    rig = random_rig()
    hello = decode(encode(hello_message(SKELETON, rig), Format.MSGPACK), Format.MSGPACK)
    assert isinstance(hello, Hello)
    assert rig_of(hello).hash == rig.hash


def test_times_in_json_are_strings_that_javascript_does_not_round():
    content = json.loads(encode(pose_message(random_frame(1)), Format.JSON))
    assert content["t_ns"] == str(random_frame(1).time_ns)
    assert int(float(content["t_ns"])) != random_frame(1).time_ns
    assert isinstance(content["published_ns"], str)


def test_confidence_is_the_probability_of_being_near():
    draw = np.random.default_rng(0)
    actor = random_actor(0, draw)
    sigma = 0.006
    even = ActorPose(
        **{
            **{name: getattr(actor, name) for name in ActorPose.__dataclass_fields__},
            "covariance_world": np.broadcast_to(np.eye(3) * sigma**2, (JOINTS, 3, 3)),
        }
    )
    samples = np.random.default_rng(1).normal(scale=sigma, size=(200_000, 3))
    share = np.mean(np.linalg.norm(samples, axis=1) < CONFIDENCE_WITHIN_M)
    expected = np.where(even.present, share, 0.0)
    np.testing.assert_allclose(even.confidence, expected, atol=4 * math.sqrt(0.25 / 200_000))


def test_a_pose_whose_numbers_are_not_finite_is_refused():
    actor = random_actor(0, np.random.default_rng(0))
    values = {name: getattr(actor, name) for name in ActorPose.__dataclass_fields__}
    with pytest.raises(InvalidRecordError, match="points_world"):
        ActorPose(**{**values, "points_world": np.full((JOINTS, 3), np.inf)})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["subscribe", "ack", "set_roi", "set_exposure", "start_recording", "status", "x"])
NEARLY = st.fixed_dictionaries(
    {}, optional={"cmd": NAMES, "value": ANYTHING, "token": ANYTHING, "id": ANYTHING, "more": ANYTHING}
)


def as_msgpack(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except (OverflowError, UnicodeEncodeError):
        return repr(value).encode(errors="replace")


def answer(content: bytes | str) -> str:
    """What the parser makes of a message: a command's kind, or the words of its refusal."""
    try:
        return type(decode_command(content)).__name__
    except StreamError as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=200), NEARLY.map(json.dumps), NEARLY.map(as_msgpack)
    )
)
def test_whatever_a_client_sends_is_a_command_or_a_stated_error(content):
    assert answer(content)


@pytest.mark.parametrize("content", ["[" * 60_000, '{"cmd":' * 9_000, b"\x91" * 60_000, b"\x81\xa1a" * 9_000])
def test_deep_nesting_is_an_error(content):
    with pytest.raises(StreamError):
        decode_command(content)
