"""What was recorded is read back, to the last byte and in order."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.recording.frame import Frame, FrameSet
from mvmono3d.deploy.recording.frame_codec import decode_frame, encode_frame
from mvmono3d.deploy.recording.frame_header import FrameHeader
from mvmono3d.deploy.recording.messages import JointsMessage, joints_json, poses_json
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.schemas import schema_text
from mvmono3d.deploy.recording.segment_file import check_data
from mvmono3d.errors import InvalidFileError, InvalidRecordError
from tests.deploy.recording.takes import CAMERAS, SETTINGS, Writing, frame_set, same, sets, written


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_frame_sets_come_back_byte_by_byte_and_in_order(tmp_path, bits):
    written(tmp_path / "take", 23, bits=bits)
    recording = open_recording(tmp_path / "take")
    assert len(recording) == 23
    assert all(same(one, other) for one, other in zip(recording, sets(23, bits=bits), strict=True))
    assert same(recording[-1], frame_set(22, bits=bits))
    with pytest.raises(IndexError):
        recording[23]


def test_segments_follow_each_other_without_a_seam(tmp_path):
    written(tmp_path / "take", 40, settings=msgspec.structs.replace(SETTINGS, segment_bytes=20_000))
    segments = sorted((tmp_path / "take").glob("*.mcap"))
    assert len(segments) > 2
    assert not list((tmp_path / "take").glob("*.part"))
    for segment in segments:
        check_data(segment)
    assert all(same(*pair) for pair in zip(open_recording(tmp_path / "take"), sets(40), strict=True))


def test_a_camera_that_delivered_nothing_is_absent_from_its_set_only(tmp_path):
    writing = Writing(tmp_path / "take")
    given_sets = [frame_set(0), frame_set(1, cameras=CAMERAS[1:]), frame_set(2), frame_set(3, cameras=())]
    for frames in given_sets:
        writing.write(frames)
    writing.writer.close()
    recording = open_recording(tmp_path / "take")
    assert all(same(*pair) for pair in zip(recording, given_sets[:3], strict=True))
    assert recording.time_ns.tolist() == [frames.time_ns for frames in given_sets[:3]]


def test_two_sets_of_one_time_stay_two(tmp_path):
    writing = Writing(tmp_path / "take")
    first, second = frame_set(0), frame_set(1)
    second = FrameSet(number=1, time_ns=first.time_ns, frames=second.frames)
    for frames in (first, second):
        writing.write(frames)
    writing.writer.close()
    assert all(same(*pair) for pair in zip(open_recording(tmp_path / "take"), (first, second), strict=True))


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    bits=st.sampled_from([8, 10, 12, 16]),
    seed=st.integers(0, 1 << 30),
    pulse=st.none() | st.integers(0, (1 << 63) - 1),
)
def test_any_image_survives_its_encoding(height, width, bits, seed, pulse):
    kind = np.uint8 if bits == 8 else np.uint16
    pixels = np.random.default_rng(seed).integers(0, 1 << bits, (height, width)).astype(kind)
    header = FrameHeader(
        session=b"12345678", camera=3, index=seed, set_number=9, time_ns=1, frame_id=2, pulse_id=pulse,
        device_ns=3, host_ns=4, exposure_ns=5, gain_db=1.5, status=0, bits=bits, height=height, width=width,
    )  # fmt: skip
    read, image = decode_frame(encode_frame(header, pixels))
    assert (read.pulse_id, read.index, read.bits, read.camera) == (pulse, seed, bits, 3)
    assert image.dtype == pixels.dtype
    assert np.array_equal(image, pixels)


@pytest.mark.parametrize(
    "change",
    [{"bits": 9}, {"bits": 10}, {"image": np.zeros(4, np.uint8)}, {"frame_id": -1}, {"host_ns": 1 << 63}],
)
def test_a_frame_that_is_none_is_refused(change):
    right = {
        **{"camera": "a", "frame_id": 0, "pulse_id": 0, "device_ns": 0, "host_ns": 0, "exposure_ns": 0},
        **{"gain_db": 0.0, "bits": 8, "image": np.zeros((2, 2), np.uint8)},
    }
    with pytest.raises((InvalidRecordError, TypeError)):
        Frame(**(right | change))


def test_the_camera_is_in_a_set_once():
    frame = frame_set(0).frames[0]
    with pytest.raises(InvalidRecordError, match="twice"):
        FrameSet(number=0, time_ns=0, frames=(frame, frame))


def test_any_mcap_reader_opens_a_segment_and_finds_previews_and_poses_in_foxgloves_schemas(tmp_path):
    writing = Writing(tmp_path / "take")
    joints = JointsMessage(
        time_ns=1_500_000_000,
        skeleton="hand21",
        joints=("wrist", "thumb_tip"),
        points_world=np.array([[0.1, 0.2, 0.3], [9.0, 9.0, 9.0]]),
        source=np.array([PointSource.MEASURED, PointSource.MISSING]),
    )
    for frames in sets(3):
        writing.write(frames)
    assert writing.writer.write_message("/poses", poses_json(joints), time_ns=joints.time_ns)
    assert writing.writer.write_message("/joints", joints_json(joints), time_ns=joints.time_ns)
    writing.writer.close()
    with next((tmp_path / "take").glob("*.mcap")).open("rb") as file:
        found = {
            channel.topic: (schema, message)
            for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages()
        }
    schema, message = found["/cameras/top/preview"]
    assert schema is not None
    assert schema.name == "foxglove.CompressedImage"
    assert schema.encoding == "jsonschema"
    assert msgspec.json.decode(schema.data)["properties"]["data"]["contentEncoding"] == "base64"
    preview = msgspec.json.decode(message.data)
    assert preview["format"] == "jpeg"
    assert preview["timestamp"] == {"sec": 1, "nsec": 0}
    schema, message = found["/poses"]
    assert schema is not None
    assert schema.name == "foxglove.PosesInFrame"
    poses = msgspec.json.decode(message.data)["poses"]
    assert [pose["position"] for pose in poses] == [{"x": 0.1, "y": 0.2, "z": 0.3}]
    (read,) = open_recording(tmp_path / "take").joints()
    assert (read.joints, read.time_ns, read.skeleton) == (joints.joints, joints.time_ns, "hand21")
    assert read.source.tolist() == joints.source.tolist()
    assert read.points_world[0].tolist() == joints.points_world[0].tolist()


def test_every_schema_says_its_name():
    for name in ("foxglove.CompressedImage", "foxglove.PosesInFrame", "mvmono3d.Joints", "mvmono3d.Recorder"):
        assert msgspec.json.decode(schema_text(name))["title"] == name


def test_what_is_no_recording_is_said_so(tmp_path):
    with pytest.raises(InvalidFileError, match="not a recording"):
        open_recording(tmp_path)
    (tmp_path / "recording.toml").write_text("schema = 99\n")
    with pytest.raises(InvalidFileError, match="version 99"):
        open_recording(tmp_path)
    (tmp_path / "recording.toml").write_text("schema = 1\nsession = 'x'\n")
    with pytest.raises(InvalidFileError, match="not readable"):
        open_recording(tmp_path)
