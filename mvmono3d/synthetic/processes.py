"""Two random processes over time: one that drifts, one that comes in bursts."""

from math import exp
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.geometry.compiled import compiled


def correlation(seconds: float, *, rate_hz: float) -> float:
    """Return the correlation of neighbouring frames for a correlation time; 0 s is white noise."""
    return exp(-1.0 / (seconds * rate_hz)) if seconds > 0 else 0.0


def drift(
    generator: np.random.Generator, shape: tuple[int, ...], *, correlation: float
) -> Float[Array, "time ..."]:
    """Draw a first-order autoregression along the first axis: each value is N(0, 1), neighbours correlate."""
    values = generator.standard_normal(shape, dtype=np.float32)
    if correlation > 0:
        _correlate(values.reshape(shape[0], -1), np.float32(correlation))
    return values


def bursts(
    generator: np.random.Generator, shape: tuple[int, ...], *, share: float, mean_frames: float
) -> Bool[Array, "time ..."]:
    """Draw a two-state Markov chain along the first axis: true for `share` of the time in bursts.

    A burst lasts `mean_frames` frames on average, at least 1 / (1 - share): that is independent frames.
    """
    uniforms = generator.random(shape, dtype=np.float32)
    if share <= 0:
        return np.zeros(shape, dtype=bool)
    if share >= 1:
        return np.ones(shape, dtype=bool)
    leave = min(1.0 - share, 1.0 / max(mean_frames, 1.0))
    enter = leave * share / (1.0 - share)
    begun = uniforms.reshape(shape[0], -1)
    return _switch(begun, np.float32(share), np.float32(enter), np.float32(leave)).reshape(shape)


@compiled
@no_type_check
def _correlate(values, rho):  # noqa: ANN001, ANN202
    fresh = np.float32(np.sqrt(1.0 - rho * rho))
    for frame in range(1, values.shape[0]):
        for series in range(values.shape[1]):
            values[frame, series] = rho * values[frame - 1, series] + fresh * values[frame, series]


@compiled
@no_type_check
def _switch(uniforms, share, enter, leave):  # noqa: ANN001, ANN202
    on = np.empty(uniforms.shape, dtype=np.bool_)
    for series in range(uniforms.shape[1]):
        on[0, series] = uniforms[0, series] < share
    for frame in range(1, uniforms.shape[0]):
        for series in range(uniforms.shape[1]):
            if on[frame - 1, series]:
                on[frame, series] = uniforms[frame, series] >= leave
            else:
                on[frame, series] = uniforms[frame, series] < enter
    return on
