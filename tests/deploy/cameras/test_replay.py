"""A recording behind the protocol of cameras gives back what was recorded, however it is played."""

import time

import numpy as np
import pytest

from mvmono3d.deploy.cameras.protocol import CameraBackend
from mvmono3d.deploy.cameras.records import CameraSettings, ClockKind
from mvmono3d.deploy.cameras.replay import ReplayBackend
from mvmono3d.deploy.cameras.sources import ReplaySource, backend_of
from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.replay import Pace
from mvmono3d.deploy.sync.assembler import Assembler
from mvmono3d.deploy.sync.ledger import Ledger
from mvmono3d.deploy.sync.records import Frame
from mvmono3d.deploy.sync.settings import SyncSettings
from mvmono3d.errors import CameraError, CorruptRecordingError, UnknownNameError
from tests.deploy.recording.takes import CAMERAS, PERIOD_NS, Writing, frame_set, new_identity, sets, written

SETS = 40
SETTINGS = CameraSettings(width=56, height=40, rate_hz=1e9 / PERIOD_NS)


def partial(number: int) -> FrameSet:
    """Every camera is missing now and then, one of them for a long while."""
    whole = frame_set(number)
    there = [
        frame
        for camera, frame in enumerate(whole.frames)
        if (number + camera) % 7 and not (camera == 2 and 10 <= number < 25)
    ]
    return FrameSet(number=number, time_ns=whole.time_ns, frames=tuple(there))


@pytest.fixture
def take(tmp_path):
    written(tmp_path / "take", SETS)
    return tmp_path / "take"


def started(folder, **how) -> ReplayBackend:
    backend = ReplayBackend(folder, **how)
    backend.open()
    backend.configure(SETTINGS)
    backend.start()
    return backend


def frames_of(backend: ReplayBackend) -> list[tuple]:
    """Play all of it; images are copied as the capture process does."""
    found = []

    def sink(delivery):
        image = np.empty((delivery.height, delivery.width), np.uint8 if delivery.bits == 8 else np.uint16)
        delivery.copy_to(image)
        found.append((delivery.camera, delivery.frame_id, delivery.device_ns, delivery.host_ns, image))

    while not backend.ended:
        backend.poll(sink)
    return found


def assembled(backend: ReplayBackend) -> tuple[list[tuple], Ledger, Assembler]:
    """Play it through the assembler, as the capture process does."""
    assembler = Assembler(SyncSettings(cameras=len(CAMERAS), period_ns=PERIOD_NS, synchronised=True))
    ledger, found = Ledger(cameras=len(CAMERAS), period_ns=PERIOD_NS), []

    def settle(outcome):
        ledger.settle(outcome)
        found.extend(outcome.sets)

    def sink(delivery):
        ledger.deliver(delivery.camera)
        settle(
            assembler.push(
                Frame(
                    camera=delivery.camera,
                    frame_id=delivery.frame_id,
                    device_ns=delivery.device_ns,
                    host_ns=delivery.host_ns,
                    status=delivery.status,
                )
            )
        )

    while not backend.ended:
        backend.poll(sink)
        settle(assembler.advance(backend.now_ns()))
        for camera in assembler.wanted():
            sample = backend.clock_sample(camera)
            assert sample is not None
            settle(assembler.sample(camera, sample))
    settle(assembler.drain())
    ids = [
        (each.time_ns, each.spread_ns, tuple((frame.camera, frame.frame_id) for frame in each.frames))
        for each in found
    ]
    return ids, ledger, assembler


def test_it_is_a_camera_backend_that_a_site_can_name(take):
    source = ReplaySource(recording=str(take), pace="fast")
    assert isinstance(backend_of(source), CameraBackend)
    assert isinstance(backend_of(source), ReplayBackend)


@pytest.mark.parametrize("how", [{"pace": Pace.FAST}, {"pace": Pace.REAL, "speed": 8.0}])
def test_frames_ids_and_times_come_back_to_the_last_bit(take, how):
    found = frames_of(started(take, **how))
    expected = [
        (camera, frame.frame_id, frames.time_ns, frame.image)
        for frames in sets(SETS)
        for camera, frame in enumerate(frames.frames)
    ]
    assert [frame[:3] for frame in found] == [frame[:3] for frame in expected]
    assert all(np.array_equal(one[4], other[3]) for one, other in zip(found, expected, strict=True))
    travel = {host_ns - device_ns for _, _, device_ns, host_ns, _ in found}
    assert len(travel) == 1, "the host's clock runs as the recording's"


@pytest.mark.parametrize("bits", [10, 12])
def test_more_than_eight_bits_come_back_too(tmp_path, bits):
    written(tmp_path / "take", 3, bits=bits)
    found = frames_of(started(tmp_path / "take", pace=Pace.FAST))
    expected = [frame.image for frames in sets(3, bits=bits) for frame in frames.frames]
    assert all(np.array_equal(one[4], other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("how", [{"pace": Pace.FAST}, {"pace": Pace.REAL, "speed": 8.0}])
def test_frame_sets_are_assembled_as_they_were_recorded_partial_ones_too(tmp_path, how):
    writing = Writing(tmp_path / "take")
    for number in range(SETS):
        writing.write(partial(number))
    writing.writer.close()
    found, ledger, assembler = assembled(started(tmp_path / "take", **how))
    expected = [
        (
            frames.time_ns,
            0,
            tuple((CAMERAS.index(frame.camera), frame.frame_id) for frame in frames.frames),
        )
        for frames in map(partial, range(SETS))
    ]
    assert found == expected
    accounts = ledger.accounts(assembler.in_hand())
    assert accounts.balanced
    assert not any(account.lost for account in accounts.cameras)


def test_a_stepped_replay_gives_one_set_for_each_trigger(take):
    backend = started(take, pace=Pace.STEPPED)
    numbers = []
    for _ in range(3):
        assert backend.poll(numbers.append) == 0
        backend.trigger()
        assert backend.poll(numbers.append) == len(CAMERAS)
    assert {delivery.frame_id - 100 * delivery.camera for delivery in numbers} == {0, 1, 2}


def test_in_real_time_a_set_comes_when_its_time_has_come(take):
    begin = time.monotonic()
    backend = started(take, speed=2.0)
    frames_of(backend)
    assert time.monotonic() - begin >= (SETS - 1) * PERIOD_NS * 1e-9 / 2.0


def test_the_clock_never_goes_back_nor_beyond_what_was_shown(take):
    backend = started(take, speed=20.0)
    seen = [backend.now_ns()]
    while not backend.ended:
        backend.poll(lambda delivery: seen.append(delivery.host_ns))
        seen.append(backend.now_ns())
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] == (SETS - 1) * PERIOD_NS


def test_started_again_it_plays_the_same_again(take):
    backend = started(take, pace=Pace.FAST)
    first = frames_of(backend)
    backend.stop()
    assert backend.poll(first.append) == 0
    backend.start()
    assert [frame[:3] for frame in frames_of(backend)] == [frame[:3] for frame in first]
    backend.close()
    backend.close()


def test_cameras_are_chosen_by_name_and_numbered_as_asked(take):
    backend = started(take, serials=("top", "front"), pace=Pace.FAST)
    assert [camera.serial for camera in backend.open().cameras] == ["top", "front"]
    assert {(camera, frame_id // 100) for camera, frame_id, *_ in frames_of(backend)} == {(0, 3), (1, 0)}
    with pytest.raises(UnknownNameError, match="did you mean 'front'"):
        ReplayBackend(take, serials=("fron",)).open()


def test_settings_that_a_recording_can_not_have_are_reported(take):
    backend = ReplayBackend(take)
    backend.open()
    asked = CameraSettings(width=64, height=40, pixel_format="Mono12")
    for applied in backend.configure(asked):
        assert (applied.width, applied.height, applied.bits) == (56, 40, 8)
        assert applied.clock is ClockKind.SHARED
        assert [(each.setting, each.asked, each.got) for each in applied.differences] == [
            ("width", "64", "56"),
            ("bits", "12", "8"),
        ]
    assert backend.rate_hz == pytest.approx(1e9 / PERIOD_NS)


def test_an_encrypted_recording_needs_its_identity(tmp_path):
    secret, public = new_identity()
    from mvmono3d.deploy.recording.seal import new_seal

    written(tmp_path / "take", 4, seal=new_seal(), recipients=(public,))
    identity = tmp_path / "identity.txt"
    identity.write_text(secret)
    assert len(frames_of(started(tmp_path / "take", pace=Pace.FAST, identity=identity))) == 16


def test_a_set_with_a_bad_byte_is_left_out_and_named(take):
    (segment,) = take.glob("*.mcap")
    content = bytearray(segment.read_bytes())
    content[len(content) // 3] ^= 1
    segment.write_bytes(content)
    backend = started(take, pace=Pace.FAST)
    assert 0 < len(frames_of(backend)) < SETS * len(CAMERAS)
    assert "is left out" in backend.health(0).message


def test_what_can_not_be_played_is_refused_before_it_begins(tmp_path, take):
    with pytest.raises(CameraError, match="speed"):
        ReplayBackend(take, speed=0)
    with pytest.raises(CameraError, match="not open"):
        ReplayBackend(take).start()
    (segment,) = take.glob("*.mcap")
    segment.rename(segment.with_name(segment.name + ".part"))
    with pytest.raises(CorruptRecordingError, match="recover"):
        ReplayBackend(take).open()
    written(tmp_path / "deep", 2, bits=16)
    with pytest.raises(CameraError, match="16 bits"):
        ReplayBackend(tmp_path / "deep").open()
