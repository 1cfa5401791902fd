"""Laws of the light: it reaches its target, keeps the blur limit, and is divided in one way."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.deploy.exposure.brightness import Brightness, Region, measure_brightness
from mvmono3d.deploy.exposure.control import Lighting, LightingLimits, divide, next_lighting
from mvmono3d.errors import ConfigurationError

LIMITS = LightingLimits()
amounts = st.floats(1e2, 1e9)
speeds = st.floats(0, 5e4)


def level(value: float, *, saturated: float = 0.0) -> Brightness:
    return Brightness(level=value, saturated=saturated, content=0)


@given(amounts, speeds)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_the_amount_is_kept_where_the_limits_allow_it(amount, speed):
    lighting = divide(amount, LIMITS, speed_px_s=speed)
    least = LIMITS.exposure_ns[0] * LIMITS.gain[0] * LIMITS.strobe[0]
    most = LIMITS.longest_ns(speed) * LIMITS.gain[1] * LIMITS.strobe[1]
    assert lighting.amount == pytest.approx(min(max(amount, least), most), rel=1e-4)


@given(amounts, speeds)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_exposure_comes_before_gain_and_gain_before_strobe(amount, speed):
    lighting = divide(amount, LIMITS, speed_px_s=speed)
    if lighting.gain > LIMITS.gain[0] * (1 + 1e-4):
        assert lighting.exposure_ns == LIMITS.longest_ns(speed)
    if lighting.strobe > LIMITS.strobe[0] * (1 + 1e-4):
        assert lighting.gain == pytest.approx(LIMITS.gain[1], rel=1e-4)


@given(amounts, speeds)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_no_exposure_blurs_more_than_allowed(amount, speed):
    lighting = divide(amount, LIMITS, speed_px_s=speed)
    blur_px = lighting.exposure_ns * 1e-9 * speed
    assert blur_px <= LIMITS.blur_px or lighting.exposure_ns == LIMITS.exposure_ns[0]


@given(st.lists(amounts, min_size=2, max_size=5), speeds)
@settings(derandomize=True, max_examples=100, deadline=None)
def test_more_light_never_lowers_any_setting(wanted, speed):
    for less, more in pairwise(divide(amount, LIMITS, speed_px_s=speed) for amount in sorted(wanted)):
        assert less.exposure_ns <= more.exposure_ns
        assert less.gain <= more.gain * (1 + 1e-4)
        assert less.strobe <= more.strobe * (1 + 1e-4)


@pytest.mark.parametrize("scene", [1e-7, 4e-7, 2e-6])
@pytest.mark.parametrize("start", [20_000, 4_000_000])
def test_the_level_reaches_its_target_and_stays(scene, start):
    lighting = Lighting(exposure_ns=start)
    amounts = []
    for _ in range(60):
        value = min(1.0, lighting.amount * scene)
        lighting = next_lighting(lighting, [level(value, saturated=float(value >= 1.0))], LIMITS)
        amounts.append(lighting.amount)
    assert amounts[-1] * scene == pytest.approx(LIMITS.target, rel=LIMITS.tolerance + 1e-3)
    assert amounts[-1] == pytest.approx(amounts[-10])
    assert all(abs(np.log(b / a)) <= np.log(LIMITS.fastest) + 1e-3 for a, b in pairwise(amounts))


def test_one_saturated_camera_darkens_all_and_the_middle_one_decides_the_level():
    now = Lighting(exposure_ns=1_000_000)
    fine = [level(LIMITS.target), level(0.9), level(0.05)]
    assert next_lighting(now, fine, LIMITS).amount == pytest.approx(now.amount)
    bright = [*fine, level(LIMITS.target, saturated=0.02)]
    assert next_lighting(now, bright, LIMITS).amount == pytest.approx(now.amount / LIMITS.fastest)


def test_without_a_trusted_picture_only_the_blur_limit_acts():
    now = divide(3e6, LIMITS)
    assert next_lighting(now, [], LIMITS) == now
    fast = next_lighting(now, [], LIMITS, speed_px_s=2000.0)
    assert fast.exposure_ns == 500_000
    assert fast.amount == pytest.approx(now.amount)


@pytest.mark.parametrize("bits", [8, 12])
def test_only_the_region_counts(bits):
    image = np.zeros((64, 80), dtype=np.uint16)
    image[16:32, 40:60] = (1 << bits) - 1
    region = Region(left=40, top=16, width=20, height=16)
    inside = measure_brightness(image, region=region, bits=bits)
    assert (inside.level, inside.saturated) == (1.0, 1.0)
    whole = measure_brightness(image, bits=bits)
    assert whole.level == pytest.approx(20 * 16 / (64 * 80), abs=0.01)


@pytest.mark.parametrize("wrong", [{"gain": (2.0, 1.0)}, {"target": 1.5}, {"fastest": 1.0}])
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="expected"):
        LightingLimits(**wrong)
