"""Live cameras behind the protocol: the simulated rig, and viky where it is installed."""

import signal
import time

import msgspec
import numpy as np
import pytest

pytest.importorskip("harvesters", reason="the extra `rig` is not installed")

from mvmono3d.deploy.cameras.gentl_camera import GenTLCamera
from mvmono3d.deploy.cameras.harvesters import HarvestersBackend
from mvmono3d.deploy.cameras.protocol import CameraBackend, Delivery
from mvmono3d.deploy.cameras.records import CameraSettings, ClockKind, Trigger
from mvmono3d.deploy.cameras.simulator import FaultKind, Simulator
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.errors import CameraError, ConfigurationError, InvalidRecordError, UnknownNameError
from tests.deploy.cameras.live_rig import SETTINGS, Pictures, await_return, live_rig, pulse
from tests.deploy.producers import RIG, producers, viky


def test_cameras_are_found_by_serial_number_in_the_order_that_was_asked(simulator: Simulator):
    order = (RIG[2], RIG[0])
    with live_rig(simulator, serials=order) as backend:
        pictures = Pictures()
        pulse(simulator, backend, pictures)
        assert backend.serials == order
        assert isinstance(backend, CameraBackend)
        # The ramp of camera c begins at 40 c: see the simulator.
        first = [image[7, 0] for _, image in sorted(pictures.seen, key=lambda each: each[0].camera)]
        assert (int(first[0]) - int(first[1])) % 256 == 80


def test_an_unknown_serial_number_is_named_and_everything_is_let_go(simulator: Simulator):
    backend = HarvestersBackend(("SIM0001", "SIM0009"), producers=producers(), now_ns=simulator.now_ns)
    with pytest.raises(UnknownNameError, match=r"SIM0009.*SIM0001"):
        backend.open()
    with live_rig(simulator) as again:
        assert all(again.health(camera).connected for camera in range(4))


def test_producers_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nothing\.cti"):
        HarvestersBackend(RIG, producers=(str(tmp_path / "nothing.cti"),)).open()


@pytest.mark.parametrize("pixel_format", ["Mono8", "Mono10", "Mono12", "Mono12p"])
def test_frames_of_every_format_carry_their_truth(simulator: Simulator, pixel_format: str):
    settings = msgspec.structs.replace(SETTINGS, pixel_format=pixel_format)
    with live_rig(simulator, settings) as backend:
        pictures = Pictures()
        for _ in range(3):
            pulse(simulator, backend, pictures)
        for camera in range(4):
            stamps = pictures.stamps(camera)
            told = [each for each, _ in pictures.seen if each.camera == camera]
            assert [stamp.frame_id for stamp in stamps] == [each.frame_id for each in told]
            assert [stamp.timestamp for stamp in stamps] == [each.device_ns for each in told]
            assert np.ptp([stamp.pulse for stamp in stamps]) == 2


def test_what_a_camera_can_not_do_is_reported_and_not_raised(simulator: Simulator):
    backend = HarvestersBackend(RIG, producers=producers(), now_ns=simulator.now_ns)
    backend.open()
    try:
        odd = CameraSettings(
            width=9999,
            height=8,
            ptp=False,
            lighting=Lighting(exposure_ns=5_000_000_000, strobe=0.5),
            nodes=(("NoSuchFeature", 3),),
        )
        applied = backend.configure(odd)[1]
        told = {each.setting: each for each in applied.differences}
        assert set(told) == {"Width", "exposure_us", "strobe", "NoSuchFeature"}
        assert applied.width == 1280
        assert told["NoSuchFeature"].got == "not available"
        assert backend.configure(SETTINGS)[1].differences == ()
    finally:
        backend.close()


def test_regions_are_set_whatever_region_was_before(simulator: Simulator):
    backend = HarvestersBackend(RIG, producers=producers(), now_ns=simulator.now_ns)
    backend.open()
    try:
        for left, width in ((1216, 64), (0, 1280), (640, 64)):
            settings = msgspec.structs.replace(SETTINGS, left=left, width=width)
            applied = backend.configure(settings)
            assert all(each.differences == () and each.width == width for each in applied)
    finally:
        backend.close()


def test_exposure_is_told_with_the_frames_that_it_made(simulator: Simulator):
    with live_rig(simulator) as backend:
        pictures = Pictures()
        pulse(simulator, backend, pictures)
        backend.adjust(Lighting(exposure_ns=2_000_000, gain=2.0))
        pulse(simulator, backend, pictures)
        told = [each.lighting for each, _ in pictures.seen]
        assert all(each is not None and each.exposure_ns == 1_000_000 for each in told[:4])
        assert all(
            each is not None and each.exposure_ns == 2_000_000 and abs(each.gain - 2) < 1e-6
            for each in told[4:]
        )


def test_incomplete_frames_are_handed_over_as_such(simulator: Simulator):
    with live_rig(simulator) as backend:
        simulator.fault(1, FaultKind.INCOMPLETE, pulse=1, count=2)
        pictures = Pictures()
        for _ in range(4):
            pulse(simulator, backend, pictures)
        assert [each.camera for each in pictures.incomplete] == [1, 1]
        assert len(pictures.seen) == 14
        health = backend.health(1)
        assert (health.delivered, health.incomplete) == (4, 2)


def test_clock_samples_bracket_the_cameras_clock(simulator: Simulator):
    with live_rig(simulator) as backend:
        simulator.clock(2, 777_000_000)
        sample = backend.clock_sample(2)
        assert sample is not None
        assert sample.device_ns == 777_000_000
        assert sample.host_before_ns <= simulator.now_ns() <= sample.host_after_ns


def test_clocks_are_shared_once_every_camera_follows_the_network(rig_library: Simulator):
    rig_library.set("realtime", 1)
    rig_library.reset()
    backend = HarvestersBackend(RIG, producers=producers())
    backend.open()
    try:
        kinds = {each.clock for each in backend.configure(msgspec.structs.replace(SETTINGS, ptp=True))}
        assert kinds == {ClockKind.SHARED}
        rig_library.set("ptp_lock_ms", 60_000)
        rig_library.reset()
        impatient = msgspec.structs.replace(SETTINGS, ptp=True, ptp_wait_s=0.0)
        applied = backend.configure(impatient)
        assert {each.clock for each in applied} == {ClockKind.LATCHED}
        assert all("ptp" in {one.setting for one in each.differences} for each in applied)
    finally:
        backend.close()
        rig_library.set("ptp_lock_ms", 200)


def test_a_software_trigger_reaches_every_camera(simulator: Simulator):
    settings = msgspec.structs.replace(SETTINGS, trigger=Trigger.SOFTWARE)
    with live_rig(simulator, settings) as backend:
        pictures = Pictures()
        backend.trigger()
        simulator.advance(simulator.now_ns() + SETTINGS.period_ns)
        while backend.poll(pictures):
            pass
        assert sorted(each.camera for each, _ in pictures.seen) == [0, 1, 2, 3]


def test_a_lost_camera_is_silent_and_comes_back_as_it_was_set(simulator: Simulator):
    with live_rig(simulator) as backend:
        pictures = Pictures()
        pulse(simulator, backend, pictures)
        simulator.unplug(1, power_lost=True)
        for _ in range(3):
            pulse(simulator, backend, pictures)
        assert not backend.health(1).connected
        assert "lost" in backend.health(1).message
        assert backend.clock_sample(1) is None
        backend.trigger()
        backend.adjust(Lighting(exposure_ns=3_000_000))
        assert not backend.reconnect(1)
        simulator.plug_in(1)
        await_return(backend, 1)
        pulse(simulator, backend, pictures)
        assert [len(pictures.pulses(camera)) for camera in range(4)] == [5, 2, 5, 5]
        lighting = pictures.seen[-1][0].lighting
        assert lighting is not None
        assert lighting.exposure_ns == 3_000_000


def test_stopping_and_closing_never_raise_with_every_camera_lost(simulator: Simulator):
    with live_rig(simulator) as backend:
        for camera in range(4):
            simulator.unplug(camera)
        assert not any(backend.health(camera).connected for camera in range(4))
        assert not backend.reconnect(0)
        backend.stop()
        backend.stop()
        backend.close()
        backend.close()
    for camera in range(4):
        simulator.plug_in(camera)
    with live_rig(simulator) as backend:
        assert backend.health(3).connected


def test_what_came_before_all_were_armed_is_thrown_away(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
):
    arm = GenTLCamera.arm

    def arm_while_pulses_come(camera: GenTLCamera) -> None:
        arm(camera)
        simulator.pulse(simulator.now_ns() + SETTINGS.period_ns)
        simulator.advance(simulator.now_ns() + SETTINGS.period_ns // 2)

    monkeypatch.setattr(GenTLCamera, "arm", arm_while_pulses_come)
    with live_rig(simulator) as backend:
        pictures = Pictures()
        assert backend.poll(pictures) == 0
        pulse(simulator, backend, pictures)
        assert [pictures.pulses(camera) for camera in range(4)] == [[4]] * 4
        assert backend.health(0).delivered == 1


def test_ctrl_c_still_belongs_to_the_program(simulator: Simulator):
    def mine(number: int, frame: object) -> None:
        del number, frame

    before = signal.signal(signal.SIGINT, mine)
    try:
        with live_rig(simulator):
            assert signal.getsignal(signal.SIGINT) is mine
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


def test_running_cameras_are_not_set(simulator: Simulator):
    with live_rig(simulator) as backend, pytest.raises(CameraError, match="stop them first"):
        backend.configure(SETTINGS)


@pytest.mark.skipif(viky() is None, reason="genicam brings no viky.cti")
@pytest.mark.parametrize(("pixel_format", "bits"), [("Mono8", 8), ("RGBa8", 0)])
def test_a_producer_that_we_did_not_write_is_opened_and_read(
    simulator: Simulator, pixel_format: str, bits: int
):
    settings = CameraSettings(
        width=400, height=400, trigger=Trigger.FREE, ptp=False, buffers=8, strobe_line="",
        nodes=(("PixelFormat", pixel_format),),
    )  # fmt: skip
    backend = HarvestersBackend(("2", "0"), producers=producers())
    info = backend.open()
    try:
        assert {camera.vendor for camera in info.cameras} == {"Machine Vision Games Ltd."}
        applied = backend.configure(settings)
        assert {(each.pixel_format, each.bits) for each in applied} == {(pixel_format, bits)}
        assert {each.clock for each in applied} == {ClockKind.NONE}
        assert "exposure_us" in {one.setting for one in applied[0].differences}
        backend.start()
        deliveries = []
        image = np.zeros((400, 400), np.uint8)

        def take(delivery: Delivery) -> None:
            if bits:
                delivery.copy_to(image)
            else:
                with pytest.raises(InvalidRecordError, match="another format"):
                    delivery.copy_to(image)
            deliveries.append(delivery)

        end_s = time.monotonic() + 20
        while {each.camera for each in deliveries} != {0, 1} and time.monotonic() < end_s:
            backend.poll(take)
            time.sleep(0.001)
        assert {each.camera for each in deliveries} == {0, 1}
        assert all(each.bits == bits and each.device_ns == each.host_ns for each in deliveries)
        assert bits == 0 or np.ptp(image) > 0
    finally:
        backend.close()
