"""Laws that hold for any frames whatever, also for nonsense."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.deploy.sync.assembler import Assembler
from mvmono3d.deploy.sync.camera import State
from mvmono3d.deploy.sync.ledger import Ledger
from mvmono3d.deploy.sync.records import Cause, ClockSample, Frame, FrameStatus, Happening
from mvmono3d.deploy.sync.settings import SyncSettings
from mvmono3d.errors import ConfigurationError
from tests.deploy.sync.simulated_triggers import MS, PERIOD_NS, Faults, World

CAMERAS = 3
SETTINGS = SyncSettings(cameras=CAMERAS, period_ns=PERIOD_NS, id_modulus=65536)

times = st.one_of(
    st.integers(0, 30).map(lambda pulse: pulse * PERIOD_NS),
    st.integers(-(2**40), 2**62),
    st.integers(0, 20 * PERIOD_NS),
)
frames = st.builds(
    Frame,
    camera=st.integers(0, CAMERAS - 1),
    frame_id=st.one_of(st.integers(0, 40), st.integers(0, 65535)),
    device_ns=times,
    host_ns=times,
    status=st.sampled_from(FrameStatus),
)
samples = st.builds(
    lambda before, width, device: ClockSample(
        host_before_ns=before, device_ns=device, host_after_ns=before + width
    ),
    times,
    st.integers(0, 2 * MS),
    times,
)
calls = st.one_of(
    frames,
    frames,
    st.tuples(st.integers(0, CAMERAS - 1), samples),
    times,
    st.tuples(st.just("disconnect"), st.integers(0, CAMERAS - 1), times),
)


def _call(assembler: Assembler, call):
    if isinstance(call, Frame):
        return assembler.push(call)
    if isinstance(call, int):
        return assembler.advance(call)
    if call[0] == "disconnect":
        return assembler.disconnect(call[1], host_ns=call[2])
    return assembler.sample(*call)


@given(st.lists(calls, max_size=60), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_every_frame_leaves_exactly_once_and_the_equation_always_holds(story, synchronised):
    assembler = Assembler(replace(SETTINGS, synchronised=synchronised))
    ledger = Ledger(cameras=CAMERAS, period_ns=PERIOD_NS)
    left = []
    pushed = [
        replace(call, slot=slot) if isinstance(call, Frame) else call for slot, call in enumerate(story)
    ]
    for call in [*pushed, None]:
        if isinstance(call, Frame):
            ledger.deliver(call.camera)
        outcome = assembler.drain() if call is None else _call(assembler, call)
        ledger.settle(outcome)
        accounts = ledger.accounts(assembler.in_hand())
        assert accounts.balanced
        left += [frame.slot for each in outcome.sets for frame in each.frames]
        left += [loss.frame.slot for loss in outcome.losses]
        for each in outcome.sets:
            cameras = [frame.camera for frame in each.frames] + [camera for camera, _ in each.absent]
            assert sorted(cameras) == list(range(CAMERAS))
            assert each.spread_ns <= 2 * SETTINGS.reach_ns
    assert sorted(left) == [call.slot for call in pushed if isinstance(call, Frame)]
    assert assembler.in_hand() == (0,) * CAMERAS


def _sets(world: World, *, rename=lambda camera: camera, later_ns: int = 0):
    assembler = Assembler(SyncSettings(cameras=world.cameras, period_ns=PERIOD_NS, synchronised=True))
    outcomes = []
    for frame in world.frames():
        device_ns, host_ns = frame.device_ns + later_ns, frame.host_ns + later_ns
        moved = replace(frame, camera=rename(frame.camera), device_ns=device_ns, host_ns=host_ns)
        outcomes.append(assembler.push(moved))
    return [
        (each.time_ns - later_ns, frozenset(frame.slot >> 1 for frame in each.frames), len(each.frames))
        for outcome in [*outcomes, assembler.drain()]
        for each in outcome.sets
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_neither_the_names_of_cameras_nor_the_epoch_of_the_clocks_matter(seed):
    faults = Faults(synchronised=True, missed=0.03, lost=0.03, late=0.02, duplicate=0.02)
    world = World(pulses=150, cameras=4, faults=faults, seed=seed)
    plain = _sets(world)
    assert plain == _sets(world, rename=lambda camera: (camera + 1) % 4)
    assert plain == _sets(world, later_ns=10**17 + 3)


def test_without_clock_samples_no_free_clock_is_believed():
    assembler = Assembler(SyncSettings(cameras=2, period_ns=PERIOD_NS))
    assert assembler.wanted() == (0, 1)
    outcomes = [
        assembler.push(Frame(camera=0, frame_id=n, device_ns=n * PERIOD_NS, host_ns=n * PERIOD_NS))
        for n in range(20)
    ]
    outcomes.append(assembler.drain())
    causes = {loss.cause for outcome in outcomes for loss in outcome.losses}
    assert causes == {Cause.UNSYNCHRONISED, Cause.STOPPED}
    assert not any(outcome.sets for outcome in outcomes)


def test_a_sample_too_wide_to_tell_pulses_apart_is_refused():
    assembler = Assembler(SyncSettings(cameras=1, period_ns=PERIOD_NS))
    outcome = assembler.sample(0, ClockSample(host_before_ns=0, device_ns=5, host_after_ns=PERIOD_NS // 3))
    assert [event.happening for event in outcome.events] == [Happening.SAMPLE_REFUSED]
    assert assembler.states == (State.UNKNOWN,)
    assembler.sample(0, ClockSample(host_before_ns=0, device_ns=5, host_after_ns=MS // 2))
    assert assembler.states == (State.LOCKED,)
    assert assembler.offset_ns(0) == 5 - MS // 4


@pytest.mark.parametrize("wrong", [{"cameras": 0}, {"period_ns": 0}, {"tolerance_ns": PERIOD_NS // 2}])
def test_settings_that_could_mix_pulses_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="expected"):
        SyncSettings(**({"cameras": 4, "period_ns": PERIOD_NS} | wrong))
