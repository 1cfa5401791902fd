"""Whatever happens to a segment, what is kept is right, and what is lost is named."""

import contextlib

import numpy as np
import pytest

from mvmono3d.deploy.recording.description import read_description, write_description
from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.frame_header import HEADER_BYTES, MAGIC, parse_header
from mvmono3d.deploy.recording.messages import JointsMessage, joints_json
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.recover import DAMAGED, recover
from mvmono3d.deploy.recording.segment_file import check_data
from mvmono3d.errors import CorruptRecordingError, InvalidFileError
from tests.deploy.recording.takes import CAMERAS, Writing, frame_set, same, sets, written

SETS = 12


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """A recording of one segment, and its bytes."""
    folder = tmp_path_factory.mktemp("recovery") / "take"
    written(folder, SETS)
    (segment,) = folder.glob("*.mcap")
    return read_description(folder), segment.read_bytes()


def damaged(folder, take, content: bytes, *, name="segment-000000.mcap"):
    folder.mkdir()
    write_description(folder, take[0])
    (folder / name).write_bytes(content)
    return folder


def frames_kept(folder) -> int:
    """Number of frames kept; each is compared with the truth."""
    kept = 0
    for found in open_recording(folder):
        cameras = tuple(frame.camera for frame in found.frames)
        assert same(found, frame_set(found.number, cameras=cameras))
        kept += len(found.frames)
    return kept


def test_a_recording_that_ended_well_is_left_as_it_is(tmp_path, take):
    folder = damaged(tmp_path / "take", take, take[1])
    report = recover(folder)
    assert report.mended == 0
    assert report.ended
    assert [camera.lost for camera in report.cameras] == [0] * 4
    assert (folder / "segment-000000.mcap").read_bytes() == take[1]
    assert not (folder / DAMAGED).exists()


@pytest.mark.parametrize("name", ["segment-000000.mcap", "segment-000000.mcap.part"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.999])
def test_of_a_truncated_segment_every_whole_frame_is_kept(tmp_path, take, share, name):
    cut = int(len(take[1]) * share)
    folder = damaged(tmp_path / "take", take, take[1][:cut], name=name)
    with pytest.raises(CorruptRecordingError, match="mvmono3d recover"):
        open_recording(folder)
    report = recover(folder)
    kept = frames_kept(folder)
    whole = [index for index in range(SETS * 4) if _end_of_frame(take, index) <= cut]
    assert kept == len(whole) == sum(camera.kept for camera in report.cameras)
    assert kept + sum(camera.lost for camera in report.cameras) == SETS * 4
    assert [path.read_bytes() for path in (folder / DAMAGED).iterdir()] == [take[1][:cut]]
    assert recover(folder).mended == 0


def _end_of_frame(take, index: int) -> int:
    position = -1
    for _ in range(index + 1):
        position = take[1].find(MAGIC, position + 1)
    found = parse_header(take[1][position : position + HEADER_BYTES])
    assert found is not None
    return position + HEADER_BYTES + found[1]


def test_every_bit_flip_is_detected_and_costs_one_frame_at_most(tmp_path, take):
    generator = np.random.default_rng(5)
    for trial in range(12):
        content = bytearray(take[1])
        content[int(generator.integers(len(content)))] ^= 1 << int(generator.integers(8))
        folder = damaged(tmp_path / f"take{trial}", take, bytes(content))
        with pytest.raises(CorruptRecordingError):
            check_data(folder / "segment-000000.mcap")
        report = recover(folder)
        assert report.mended == 1
        assert frames_kept(folder) >= SETS * 4 - 1


def test_reading_a_damaged_file_without_recovery_never_gives_a_wrong_frame(tmp_path, take):
    generator = np.random.default_rng(6)
    for trial in range(12):
        content = bytearray(take[1])
        content[int(generator.integers(len(content)))] ^= 1 << int(generator.integers(8))
        folder = damaged(tmp_path / f"take{trial}", take, bytes(content))
        # It is refused, or the flip was in a part that nobody reads.
        with contextlib.suppress(CorruptRecordingError):
            frames_kept(folder)


def test_zeroed_pages_cost_the_frames_that_lie_in_them(tmp_path, take):
    content = bytearray(take[1])
    content[4096 : 3 * 4096] = bytes(2 * 4096)
    report = recover(damaged(tmp_path / "take", take, bytes(content)))
    lost = sum(camera.lost for camera in report.cameras)
    assert 0 < lost <= 16
    assert frames_kept(tmp_path / "take") == SETS * 4 - lost


def test_frames_of_another_recording_in_the_same_blocks_are_not_taken(tmp_path, take):
    other = tmp_path / "other"
    written(other, 3)
    (segment,) = other.glob("*.mcap")
    half = take[1][: len(take[1]) // 2]
    folder = damaged(tmp_path / "take", take, half + segment.read_bytes(), name="segment-000000.mcap.part")
    recover(folder)
    assert frames_kept(folder) <= SETS * 4 // 2 + 4


def test_a_segment_without_a_single_frame_is_set_aside(tmp_path, take):
    folder = damaged(tmp_path / "take", take, b"", name="segment-000000.mcap.part")
    report = recover(folder)
    assert [camera.kept for camera in report.cameras] == [0] * 4
    assert len(open_recording(folder)) == 0
    assert len(list((folder / DAMAGED).iterdir())) == 1


def test_previews_and_joints_of_whole_chunks_are_kept(tmp_path):
    writing = Writing(tmp_path / "take")
    message = JointsMessage(
        time_ns=1_000_000_000,
        skeleton="s",
        joints=("a",),
        points_world=np.ones((1, 3)),
        source=np.ones(1, int),
    )
    writing.writer.write_message("/joints", joints_json(message), time_ns=message.time_ns)
    for frames in sets(8):
        writing.write(frames)
    writing.writer.close()
    (segment,) = (tmp_path / "take").glob("*.mcap")
    content = segment.read_bytes()
    segment.write_bytes(content[: int(len(content) * 0.8)])
    recover(tmp_path / "take")
    (kept,) = open_recording(tmp_path / "take").joints()
    assert kept.points_world.tolist() == [[1.0, 1.0, 1.0]]


def test_a_recovery_that_was_interrupted_is_simply_done_again(tmp_path, take):
    folder = damaged(tmp_path / "take", take, take[1][:-100], name="segment-000000.mcap.part")
    (folder / ".recovering").mkdir()
    (folder / ".recovering" / "segment-000000.mcap.part").write_bytes(b"half")
    (folder / "segment-000000.mcap").write_bytes(b"half")
    recover(folder)
    assert frames_kept(folder) == SETS * 4
    assert not (folder / ".recovering").exists()


def test_a_set_may_come_back_with_fewer_cameras(tmp_path, take):
    position = _end_of_frame(take, 9) - 5
    content = bytearray(take[1])
    content[position] ^= 0xFF
    folder = damaged(tmp_path / "take", take, bytes(content))
    report = recover(folder)
    found = open_recording(folder)[2]
    assert isinstance(found, FrameSet)
    assert [frame.camera for frame in found.frames] == [CAMERAS[0], CAMERAS[2], CAMERAS[3]]
    assert report.cameras[1].missing == ((2, 2),)


def test_a_folder_without_a_description_is_refused(tmp_path):
    with pytest.raises(InvalidFileError, match="not a recording"):
        recover(tmp_path)
