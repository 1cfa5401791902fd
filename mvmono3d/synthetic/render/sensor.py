"""A monochrome sensor: exposure, gain, black level, noise, saturation."""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from mvmono3d.core.array import Array
from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.render.sensor_kernel import expose

_NORMALS = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSettings:
    """A camera's sensor; the defaults are those of a global-shutter machine-vision camera."""

    full_well: float = 10_000.0
    """Electrons that a pixel holds; without gain the largest number."""
    read_noise: float = 4.0
    """Standard deviation [electrons]."""
    dark_rate: float = 20.0
    """Electrons per second without light."""
    black_level: float = 4.0
    """What no light gives, in numbers of 8 bits."""
    white_rate: float = 2.5e6
    """Electrons per second of a white surface at 1 m under its own camera's light: light, lens and pixel."""

    def __post_init__(self) -> None:
        if (
            min(self.full_well, self.read_noise, self.white_rate) <= 0.0
            or min(self.dark_rate, self.black_level) < 0.0
        ):
            raise ConfigurationError(f"impossible sensor: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How one frame is taken."""

    exposure_s: float = 0.001
    gain: float = 1.0
    """A factor, not decibels."""
    strobe: float = 1.0
    """Share of the strobes' full power; `AMBIENT` is there without them."""

    def __post_init__(self) -> None:
        if not 0.0 < self.exposure_s <= 1.0 or not 0.0 < self.gain <= 256.0 or not 0.0 <= self.strobe <= 1.0:
            raise ConfigurationError(
                f"exposure of {self.exposure_s * 1e6:g} µs, gain {self.gain:g}, strobe {self.strobe:g}: "
                "expected 0 < exposure <= 1 s, 0 < gain <= 256 and 0 <= strobe <= 1"
            )


AMBIENT = 0.004
"""Infrared of the room behind a band-pass filter, relative to the strobes."""


def take_picture(
    light: Float[Array, "height width"],
    exposure: Exposure,
    sensor: SensorSettings,
    *,
    key: int,
    bits: int = 8,
    out: Array | None = None,
) -> UInt8[Array, "height width"] | UInt16[Array, "height width"]:
    """Return what the sensor makes of the light (1: a white surface at 1 m under full light).

    Args:
        light: After vignetting.
        exposure: Time, gain and strobe.
        sensor: The sensor.
        key: Decides the noise: see `noise_key`.
        bits: 8, 10 or 12.
        out: Where to write, uint8 for 8 bits and uint16 for more.
    """
    image = np.empty(light.shape, dtype=np.uint8 if bits == 8 else np.uint16) if out is None else out
    highest = float(2**bits - 1)
    per_electron = highest / sensor.full_well * exposure.gain
    expose(
        light,
        exposure.exposure_s * sensor.white_rate * (AMBIENT + exposure.strobe),
        sensor.dark_rate / sensor.white_rate,
        sensor.full_well,
        sensor.read_noise,
        per_electron,
        sensor.black_level * highest / 255.0,
        highest,
        np.uint64(key),
        _normals(),
        image,
    )
    return image


def noise_key(seed: int, *, frame: int, view: int) -> int:
    """Return the key of one frame's noise."""
    return int(sha256_of_bytes(f"noise {seed} {frame} {view}".encode())[:15], 16)


@lru_cache(maxsize=1)
def _normals() -> Float[Array, " quantile"]:
    """Return equally likely normal numbers, of variance 1."""
    quantiles = [NormalDist().inv_cdf((index + 0.5) / _NORMALS) for index in range(_NORMALS)]
    values = np.array(quantiles)
    return (values / values.std()).astype(np.float32)
