"""Bad pictures raise their alarm within half a second, good ones never."""

import numpy as np
import pytest

from mvmono3d.deploy.exposure.alarms import Alarm, AlarmLimits, Watch, watch
from mvmono3d.deploy.exposure.brightness import measure_brightness

PERIOD_NS = 8_333_333
LIMITS = AlarmLimits()


def pictures(random: np.random.Generator, *, level: float = 90.0) -> np.ndarray:
    return random.normal(level, 3.0, (4, 40, 64)).clip(0, 255).astype(np.uint8)


def alarms(change, *, sets: int = 240, begin: int = 120):
    """Alarms by set of frames and camera; `change` spoils the pictures from `begin` on."""
    random = np.random.default_rng(0)
    state: tuple[Watch, ...] = (Watch(),) * 4
    raised = []
    for number in range(sets):
        images = pictures(random)
        if number >= begin:
            change(images, number)
        seen = [measure_brightness(image) for image in images]
        time_ns = number * PERIOD_NS
        state = watch(state, seen, time_ns=time_ns, limits=LIMITS)
        raised.append([each.raised(time_ns, LIMITS) for each in state])
    return raised


def saturate(images, number):
    images[1] = 255


def cover(images, number):
    images[1] = np.random.default_rng(number).integers(0, 4, images[1].shape)


def extinguish(images, number):
    images[:] = np.random.default_rng(number).integers(0, 4, images.shape)


def repeat(images, number):
    images[1] = pictures(np.random.default_rng(7))[1]


@pytest.mark.parametrize(
    ("change", "alarm", "cameras"),
    [
        (saturate, Alarm.SATURATED, [1]),
        (cover, Alarm.DARK, [1]),
        (extinguish, Alarm.NO_LIGHT, [0, 1, 2, 3]),
        (repeat, Alarm.STUCK, [1]),
    ],
)
def test_the_right_cameras_raise_the_right_alarm_within_half_a_second(change, alarm, cameras):
    raised = alarms(change)
    expected = [alarm if camera in cameras else None for camera in range(4)]
    first = next(number for number, each in enumerate(raised) if any(each))
    assert (first - 120) * PERIOD_NS <= 500_000_000
    assert raised[first] == expected
    assert raised[-1] == expected
    assert not any(any(each) for each in raised[:120])


def test_a_short_flash_raises_nothing():
    assert not any(any(each) for each in alarms(lambda images, n: saturate(images, n) if n < 140 else None))


def test_a_camera_without_a_picture_keeps_its_state():
    state = (Watch(wrong=Alarm.DARK, since_ns=3, content=1),)
    assert watch(state, [None], time_ns=10, limits=LIMITS) == state
