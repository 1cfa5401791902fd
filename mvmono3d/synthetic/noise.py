"""How far a 2D detector's joints lie from the truth, in pixels of an image 1920 wide."""

from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.processes import correlation, drift
from mvmono3d.synthetic.settings import DetectorSettings, Range
from mvmono3d.synthetic.streams import generator

_WOBBLE_S = 0.25


class Noise(NamedTuple):
    """The error of detections of seen joints."""

    error_px: Float[Array, "time view joint 2"]
    sigma_px: Float[Array, "time view joint"]
    """Its true standard deviation per axis, the constant part included."""
    log_size: Float[Array, "time view joint"]
    """Logarithm of the noise's size relative to the settings."""


def draw_noise(
    settings: DetectorSettings, shape: tuple[int, int, int], *, rate_hz: float, seed: int
) -> Noise:
    """Draw white noise with heavy tails, slow noise and a constant error, of a size that varies."""
    views, joints = shape[1:]
    draw = generator(seed, "detector noise")
    log_size = _log_uniform(draw, settings.view_spread, (views, 1))
    log_size = log_size + _log_uniform(draw, settings.joint_spread, (joints,))
    wobble = drift(draw, shape, correlation=correlation(_WOBBLE_S, rate_hz=rate_hz))
    # A log-normal factor has mean square exp(2 s²): take it out, so that white_px means what it says.
    log_size = log_size + np.float32(settings.sigma_wobble) * (wobble - np.float32(settings.sigma_wobble))
    size = np.exp(log_size)
    error = draw.standard_normal((*shape, 2), dtype=np.float32)
    error *= (np.float32(settings.white_px) * _tails(draw, settings.tail_freedom, shape))[..., None]
    slow = drift(draw, (*shape, 2), correlation=correlation(settings.slow_s, rate_hz=rate_hz))
    slow *= np.float32(settings.slow_px)
    error += slow
    error *= size[..., None]
    bias = np.float32(settings.bias_px) * draw.standard_normal((views, joints, 2), dtype=np.float32)
    error += bias
    moving = np.float32(settings.white_px**2 + settings.slow_px**2)
    sigma = np.sqrt(size * size * moving + np.float32(settings.bias_px**2))
    return Noise(error, sigma, log_size)


def draw_guess(
    settings: DetectorSettings, shape: tuple[int, ...], *, rate_hz: float, seed: int, stream: str
) -> Float[Array, "*shape"]:
    """Draw the drift of hidden joints, vectors on the last axis: never shorter than the floor."""
    draw = generator(seed, f"detector guess {stream}")
    unit = drift(draw, shape, correlation=correlation(settings.drift_s, rate_hz=rate_hz))
    length = np.sqrt((unit * unit).sum(axis=-1, keepdims=True)) + np.float32(1e-6)
    return unit * (np.float32(settings.drift_px) + np.float32(settings.drift_floor_px) / length)


def draw_outliers(
    settings: DetectorSettings, shape: tuple[int, ...], draw: np.random.Generator
) -> Float[Array, "*shape 2"]:
    """Draw where outliers land: any direction, a uniform distance."""
    angle = np.float32(2 * np.pi) * draw.random(shape, dtype=np.float32)
    nearest, farthest = settings.outlier_px
    length = np.float32(nearest) + np.float32(farthest - nearest) * draw.random(shape, dtype=np.float32)
    return np.stack([np.cos(angle) * length, np.sin(angle) * length], axis=-1)


def _tails(draw: np.random.Generator, freedom: float, shape: tuple[int, ...]) -> Array:
    """Factors that turn normal numbers into Student-t ones of unit variance."""
    if freedom <= 0:
        return np.ones(shape, dtype=np.float32)
    half_chi2 = draw.standard_gamma(freedom / 2, shape, dtype=np.float32)
    return np.sqrt(np.float32(0.5 * (freedom - 2)) / np.maximum(half_chi2, np.float32(1e-6)))


def _log_uniform(draw: np.random.Generator, limits: Range, shape: tuple[int, ...]) -> Array:
    lowest, highest = limits
    return draw.uniform(log(lowest), log(highest), shape).astype(np.float32)
