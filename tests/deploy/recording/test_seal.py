"""An encrypted recording opens for its recipients, for nobody else, and shows nothing on the disk."""

from typing import Any

import msgspec
import numpy as np
import pytest

from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.recording.description import read_description, write_description
from mvmono3d.deploy.recording.messages import JointsMessage, joints_json
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.recover import recover
from mvmono3d.deploy.recording.seal import Seal, new_seal, read_identity
from mvmono3d.errors import InvalidFileError, RecordingKeyError
from tests.deploy.recording.takes import Writing, frame_set, new_identity, same, sets

SETS = 9


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """Folder, identity, second identity and key of an encrypted recording."""
    folder = tmp_path_factory.mktemp("sealed") / "take"
    (first, to_first), (second, to_second) = new_identity(), new_identity()
    seal = new_seal()
    writing = Writing(folder, seal=seal, recipients=(to_first, to_second))
    for frames in sets(SETS):
        writing.write(frames)
    joints = JointsMessage(
        time_ns=5, skeleton="hand21", joints=("wrist",), points_world=np.full((1, 3), 0.12345678),
        source=np.array([PointSource.MEASURED]),
    )  # fmt: skip
    writing.writer.write_message("/joints", joints_json(joints), time_ns=5)
    writing.writer.close()
    return folder, first, second, seal.key


def test_each_recipient_reads_everything(sealed):
    for secret in sealed[1:3]:
        recording = open_recording(sealed[0], identity=secret)
        assert all(same(*pair) for pair in zip(recording, sets(SETS), strict=True))
        assert [message.points_world[0, 0] for message in recording.joints()] == [0.12345678]


def test_without_the_key_or_with_another_nothing_opens(sealed, tmp_path):
    recording = open_recording(sealed[0])
    assert len(recording) == SETS
    with pytest.raises(RecordingKeyError, match="encrypted"):
        recording[0]
    with pytest.raises(RecordingKeyError, match="encrypted"):
        list(recording.joints())
    with pytest.raises(RecordingKeyError, match="doesn't open"):
        open_recording(sealed[0], identity=new_identity()[0])
    with pytest.raises(RecordingKeyError, match="AGE-SECRET-KEY"):
        open_recording(sealed[0], identity="secret")
    own = tmp_path / "take"
    own.mkdir()
    for path in sealed[0].glob("*.mcap"):
        (own / path.name).write_bytes(path.read_bytes())
    description = read_description(sealed[0])
    (secret, public), other = new_identity(), new_seal()
    assert description.encryption is not None
    swapped = msgspec.structs.replace(description.encryption, wrapped_key=other.wrapped([public]))
    write_description(own, msgspec.structs.replace(description, encryption=swapped))
    with pytest.raises(RecordingKeyError, match="doesn't open"):
        open_recording(own, identity=secret)[0]


def test_no_pixel_no_joint_and_no_key_is_on_the_disk(sealed):
    content = b"".join(path.read_bytes() for path in sealed[0].iterdir())
    assert sealed[3] not in content
    assert sealed[3].hex().encode() not in content
    assert frame_set(0).frames[0].image.tobytes()[:64] not in content
    assert b"0.12345678" not in content
    assert b"jpeg" not in content.split(b"foxglove.PosesInFrame")[-1]
    assert sealed[1].encode() not in content


def test_a_sealed_segment_is_mended_without_the_key(sealed, tmp_path):
    folder = tmp_path / "take"
    folder.mkdir()
    (folder / "recording.toml").write_bytes((sealed[0] / "recording.toml").read_bytes())
    (segment,) = sealed[0].glob("*.mcap")
    (folder / (segment.name + ".part")).write_bytes(segment.read_bytes()[:-5000])
    report = recover(folder)
    assert report.cameras[0].kept >= SETS // 2
    found = open_recording(folder, identity=sealed[1])
    assert all(
        same(one, frame_set(one.number, cameras=tuple(frame.camera for frame in one.frames))) for one in found
    )


@pytest.mark.parametrize("field", ["payload", "about", "channel", "number"])
def test_whatever_is_changed_is_noticed(field):
    seal = new_seal()
    given: dict[str, Any] = {"payload": seal.close(b"pixels", about=b"a", channel=1, number=2), "about": b"a"}
    given |= {"channel": 1, "number": 2}
    assert seal.open(**given) == b"pixels"
    changed = given[field] + 1 if isinstance(given[field], int) else given[field][:-1] + b"?"
    with pytest.raises(RecordingKeyError):
        seal.open(**(given | {field: changed}))


def test_keys_and_recipients_that_are_none_are_refused(tmp_path):
    with pytest.raises(RecordingKeyError, match="32"):
        Seal(b"short")
    with pytest.raises(RecordingKeyError, match="at least one"):
        new_seal().wrapped([])
    with pytest.raises(RecordingKeyError, match="age1"):
        new_seal().wrapped(["somebody"])
    assert "key" not in repr(new_seal()).lower()
    file = tmp_path / "identity.txt"
    with pytest.raises(InvalidFileError, match="not a readable identity"):
        read_identity(file)
    file.write_text("# comment\n")
    with pytest.raises(InvalidFileError, match="no line"):
        read_identity(file)
    secret = new_identity()[0]
    file.write_text(f"# created\n{secret}\n")
    assert read_identity(file) == secret
