"""The live path from the trigger line to the ring, against the truth that is stamped into the pixels."""

import msgspec
import numpy as np
import pytest

pytest.importorskip("harvesters", reason="the extra `rig` is not installed")

from mvmono3d.deploy.cameras.records import Trigger
from mvmono3d.deploy.cameras.simulator import FaultKind, Simulator
from mvmono3d.deploy.exposure.alarms import Alarm
from mvmono3d.deploy.exposure.brightness import Region
from mvmono3d.deploy.exposure.control import Lighting, LightingLimits
from mvmono3d.deploy.sync.camera import State
from mvmono3d.deploy.sync.records import Cause
from mvmono3d.errors import CameraError, ConfigurationError
from tests.deploy.capture.bench import CAMERAS, PERIOD_NS, Bench, bench, pulses_of

MS = 1_000_000
SECOND = 1000 * MS
WARM_UP = 70
"""Pulses after which the assembler knows how long frames travel."""

FAULTS = {
    FaultKind.MISSED_TRIGGER: 0,
    FaultKind.LOST_FRAME: 0,
    FaultKind.INCOMPLETE: 0,
    FaultKind.LATE: 4 * MS,
    FaultKind.DUPLICATE: 0,
    FaultKind.DOUBLE_TRIGGER: 300_000,
    FaultKind.CLOCK_JUMP: 3 * SECOND,
    FaultKind.CLOCK_RESET: 1000,
    FaultKind.CLOCK_DRIFT: 40_000,
    FaultKind.UNDERRUN: 0,
    FaultKind.DARK: 0,
}
HARMLESS = (
    FaultKind.LATE,
    FaultKind.DUPLICATE,
    FaultKind.DOUBLE_TRIGGER,
    FaultKind.CLOCK_DRIFT,
    FaultKind.DARK,
)
"""All four frames of every pulse still arrive in time, so that no set may lack one."""
QUICK = (FaultKind.MISSED_TRIGGER, FaultKind.LOST_FRAME, FaultKind.LATE, FaultKind.CLOCK_JUMP)
CLOCKS = (FaultKind.CLOCK_JUMP, FaultKind.CLOCK_RESET)


def account_for_all(rig: Bench) -> None:
    """Drain, then compare the ledger with what the simulator says that it delivered."""
    rig.wait(5 * PERIOD_NS)
    accounts = rig.health().accounts
    assert accounts is not None
    assert accounts.balanced
    assert all(rig.ledgers)
    for camera, account in enumerate(accounts.cameras):
        assert account.delivered == rig.simulator.counters(camera).delivered
        assert account.in_hand == 0
        assert account.used == sum(bool(each.present[camera]) for each in rig.sets)


def test_without_faults_every_pulse_is_a_complete_set(simulator: Simulator):
    with bench(simulator) as rig:
        rig.pulse(30)
        account_for_all(rig)
        assert rig.complete() == list(range(30))
        assert all(each.spread_ns < 100_000 for each in rig.sets)
        assert [each.number for each in rig.sets] == list(range(30))
        assert rig.health().views[0].sync is State.LOCKED


@pytest.mark.parametrize(
    "kind",
    [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in FAULTS],
    ids=lambda kind: kind.name.lower(),
)
def test_no_fault_mixes_pulses_and_every_frame_is_accounted_for(simulator: Simulator, kind: FaultKind):
    with bench(simulator) as rig:
        for camera, pulse in ((1, 75), (2, 90), (1, 91)):
            simulator.fault(camera, kind, pulse=pulse, argument=FAULTS[kind])
        rig.pulse(WARM_UP + 60)
        account_for_all(rig)
        assert rig.mixed() == 0
        complete = set(rig.complete())
        if kind in HARMLESS:
            assert complete == set(range(WARM_UP + 60))
        elif kind in CLOCKS:
            assert set(range(WARM_UP)) <= complete
            # Each is found within three frames; as many again may be needed until a sample is narrow enough.
            assert len(complete) >= WARM_UP + 60 - 3 * 6
            assert rig.health().views[1].sync is State.LOCKED
        else:
            assert complete == set(range(WARM_UP + 60)) - {75, 90, 91}


@pytest.mark.slow
def test_all_faults_at_once_mix_nothing(simulator: Simulator):
    generator = np.random.default_rng(11)
    with bench(simulator) as rig:
        for kind, argument in FAULTS.items():
            for _ in range(3):
                camera, pulse = int(generator.integers(4)), int(generator.integers(10, 280))
                simulator.fault(
                    camera, kind, pulse=pulse, count=int(generator.integers(1, 4)), argument=argument
                )
        rig.pulse(300)
        account_for_all(rig)
        assert rig.mixed() == 0
        assert len(rig.complete()) > 150


def test_sixteen_bit_ids_wrap_without_a_loss(simulator: Simulator):
    simulator.set("frame_id_bits", 16)
    simulator.set("first_frame_id", 65500)
    with bench(simulator, id_modulus=65535) as rig:
        rig.pulse(80)
        account_for_all(rig)
        assert rig.complete() == list(range(80))


def test_the_others_lose_nothing_while_a_camera_is_lost_and_back(simulator: Simulator):
    with bench(simulator) as rig:
        rig.pulse(WARM_UP)
        simulator.unplug(2)
        rig.pulse(30)
        simulator.plug_in(2)
        rig.await_return(2)
        rig.pulse(30)
        account = rig.health().accounts
        assert account is not None
        assert account.balanced
        assert rig.mixed() == 0
        assert all(account.cameras[camera].used == WARM_UP + 60 for camera in (0, 1, 3))
        assert rig.health().views[2].times_lost == 1
        assert rig.complete()[:WARM_UP] == list(range(WARM_UP))
        # In service with its first frame: the clock sample comes while that frame waits.
        assert rig.complete()[WARM_UP:] == list(range(WARM_UP + 30, WARM_UP + 60))


def test_sets_of_three_leave_within_a_tenth_of_a_second(simulator: Simulator):
    with bench(simulator) as rig:
        rig.pulse(WARM_UP)
        simulator.unplug(0)
        lost_ns = simulator.now_ns()
        while not any(pulses_of(each)[0] >= WARM_UP for each in rig.sets):
            rig.pulse()
        first_ns = simulator.now_ns() - lost_ns
        seen = len(rig.sets)
        rig.pulse(10)
        assert first_ns <= 100 * MS
        # From then on nobody waits for the lost one: every pulse leaves before the next.
        assert len(rig.sets) - seen >= 10


def test_a_trigger_that_does_not_run_is_told(simulator: Simulator):
    with bench(simulator) as rig:
        rig.pulse(3)
        assert rig.health().message == ""
        simulator.advance(simulator.now_ns() + 3 * SECOND)
        rig.step()
        assert "does the trigger run" in rig.health().message
        rig.pulse(1)
        assert rig.health().message == ""


def test_software_triggers_keep_their_distance_after_a_pause(simulator: Simulator):
    cameras = msgspec.structs.replace(CAMERAS, trigger=Trigger.SOFTWARE)
    with bench(simulator, cameras=cameras) as rig:
        sent: list[int] = []
        send = rig.backend.trigger

        def trigger() -> None:
            sent.append(simulator.now_ns())
            send()

        rig.backend.trigger = trigger
        rig.wait(5 * PERIOD_NS)
        simulator.advance(simulator.now_ns() + 5 * PERIOD_NS // 2)
        rig.wait(5 * PERIOD_NS)
    steps = np.diff(sent)
    assert len(sent) >= 10
    assert steps.min() >= 3 * PERIOD_NS // 4
    assert np.median(steps) == PERIOD_NS


def test_settings_of_each_frame_are_in_the_ring(simulator: Simulator):
    lighting = Lighting(exposure_ns=1_500_000, gain=2.0)
    cameras = msgspec.structs.replace(CAMERAS, lighting=lighting)
    with bench(simulator, cameras=cameras) as rig:
        rig.pulse(3)
        assert all((each.exposure_ns == 1_500_000).all() for each in rig.sets)
        assert all(np.allclose(each.gain, 2.0, atol=1e-5) for each in rig.sets)
        assert all((each.strobe == 1.0).all() for each in rig.sets)


@pytest.mark.slow
def test_the_light_reaches_its_target_with_all_cameras_in_step(simulator: Simulator):
    simulator.set("light", 1)
    limits = LightingLimits(target=0.25, exposure_ns=(20_000, 4_000_000))
    cameras = msgspec.structs.replace(CAMERAS, lighting=Lighting(exposure_ns=100_000))
    # The stamp in the first row is as bright as its bits, whatever the light.
    region = Region(left=0, top=1, width=CAMERAS.width, height=CAMERAS.height - 1)
    with bench(simulator, control=limits, cameras=cameras, region=region) as rig:
        rig.pulse(400)
        account_for_all(rig)
        last = rig.sets[-1]
        levels = last.images[:, 1:].mean(axis=(1, 2)) / 255
        assert np.median(levels) == pytest.approx(0.25, rel=0.2)
        assert len({round(value) for value in last.exposure_ns.tolist()}) == 1
        assert last.exposure_ns[0] > 100_000
        assert rig.complete() == list(range(400))


def test_dead_light_raises_the_alarm_of_its_camera_within_half_a_second(simulator: Simulator):
    simulator.set("light", 1)
    simulator.set("stamp", 0)
    with bench(simulator) as rig:
        simulator.fault(3, FaultKind.DARK, pulse=30, count=100)
        rig.pulse(30)
        assert all(view.alarm is None for view in rig.health().views)
        rig.pulse(50)
        assert [view.alarm for view in rig.health().views] == [None, None, None, Alarm.DARK]


def test_a_format_that_changes_while_it_runs_is_refused_and_named(simulator: Simulator):
    with bench(simulator) as rig:
        rig.pulse(3)
        shrink(rig, camera=1)
        rig.pulse(3)
        rig.wait(3 * PERIOD_NS)
        account = rig.health().accounts
        assert account is not None
        assert account.balanced
        assert dict(account.cameras[1].lost)[Cause.FORMAT] == 3
        assert all(account.cameras[camera].used == 6 for camera in (0, 2, 3))
        message = rig.health().views[1].message
        assert "48 x 8 px of 8 bits" in message
        assert "64 x 8 px of 8 bits" in message


def shrink(rig: Bench, *, camera: int) -> None:
    """Change a camera's region behind the back of the capture, as another program could."""
    broken = rig.backend._cameras[camera]
    broken.disarm()
    broken.configure(msgspec.structs.replace(CAMERAS, width=48))
    broken.arm()


def test_cameras_that_can_not_deliver_what_fits_the_ring_are_refused(simulator: Simulator):
    cameras = msgspec.structs.replace(CAMERAS, width=4096)
    with pytest.raises(CameraError, match=r"SIM0001.*1280 x 8 px"), bench(simulator, cameras=cameras):
        pass


def test_a_rate_that_leaves_no_time_between_pulses_is_refused(simulator: Simulator):
    with pytest.raises(ConfigurationError, match="tolerance"), bench(simulator, tolerance_ns=PERIOD_NS):
        pass
