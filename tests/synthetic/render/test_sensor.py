"""The sensor: what a photographer or a data sheet would say of it."""

import numpy as np
import pytest

from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.render.sensor import AMBIENT, Exposure, SensorSettings, noise_key, take_picture

SENSOR = SensorSettings(dark_rate=0.0)
FULL_S = SENSOR.full_well / SENSOR.white_rate
"""Exposure that fills the well at a light of 1."""


def grey(light: float, *, exposure: Exposure, bits: int = 12, key: int = 5) -> np.ndarray:
    area = np.full((300, 400), light, dtype=np.float32)
    return take_picture(area, exposure, SENSOR, key=key, bits=bits).astype(np.float64)


def without_black(image: np.ndarray, bits: int = 12) -> np.ndarray:
    return image - SENSOR.black_level * (2**bits - 1) / 255.0


def test_the_signal_is_proportional_to_light_exposure_gain_and_strobe():
    exposure = Exposure(exposure_s=0.2 * FULL_S)
    base = without_black(grey(1.0, exposure=exposure)).mean()
    assert base == pytest.approx(0.2 * 4095, rel=0.01)
    for changed, light in (
        (Exposure(exposure_s=0.4 * FULL_S), 1.0),
        (Exposure(exposure_s=0.2 * FULL_S, gain=2.0), 1.0),
        (exposure, 2.0),
    ):
        assert without_black(grey(light, exposure=changed)).mean() == pytest.approx(2.0 * base, rel=0.01)
    half = Exposure(exposure_s=0.2 * FULL_S, strobe=0.5)
    assert without_black(grey(1.0, exposure=half)).mean() == pytest.approx(0.5 * base, rel=0.02)


def test_the_variance_grows_linearly_with_the_signal_from_the_read_noise_on():
    levels = np.array([0.0, 0.1, 0.2, 0.4, 0.8])
    per_electron = 4095 / SENSOR.full_well
    variance = [grey(level, exposure=Exposure(exposure_s=FULL_S)).var() for level in levels]
    # Rounding to whole numbers adds a twelfth.
    wanted = per_electron**2 * (levels * SENSOR.full_well + SENSOR.read_noise**2) + 1.0 / 12.0
    np.testing.assert_allclose(variance, wanted, rtol=0.05)


def test_more_than_a_full_well_is_clipped():
    image = grey(3.0, exposure=Exposure(exposure_s=FULL_S), bits=8)
    assert (image == 255).all()
    dim = grey(0.02, exposure=Exposure(exposure_s=FULL_S, gain=100.0), bits=8)
    assert (dim == 255).mean() > 0.9


def test_darkness_gives_the_black_level():
    image = grey(0.0, exposure=Exposure())
    assert image.mean() == pytest.approx(SENSOR.black_level * 4095 / 255, abs=0.1)


def test_without_strobe_only_the_rooms_light_is_left():
    off = without_black(grey(1.0, exposure=Exposure(exposure_s=FULL_S, strobe=0.0, gain=20.0))).mean()
    assert off == pytest.approx(20.0 * AMBIENT * 4095, rel=0.02)


def test_noise_is_decided_by_its_key_alone():
    exposure = Exposure(exposure_s=0.3 * FULL_S)
    one, again = (grey(1.0, exposure=exposure, key=noise_key(3, frame=7, view=1)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    other = grey(1.0, exposure=exposure, key=noise_key(3, frame=8, view=1))
    correlation = np.corrcoef((one - one.mean()).ravel(), (other - other.mean()).ravel())[0, 1]
    assert abs(correlation) < 0.02
    beside = np.corrcoef(one[:, :-1].ravel(), one[:, 1:].ravel())[0, 1]
    assert abs(beside) < 0.02


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigurationError, match="exposure"):
        Exposure(exposure_s=0.0)
    with pytest.raises(ConfigurationError, match="sensor"):
        SensorSettings(full_well=-1.0)
