"""How steady a motion is: bones that keep their length, no shaking. Finite differences over real times."""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array, namespace
from mvmono3d.metrics.masked import masked_mean


class Derivative(NamedTuple):
    """A time derivative (m/s, m/s², m/s³) where all frames it needs are there."""

    value: Float[Array, "*batch frame joint 3"]
    counts: Bool[Array, "*batch frame joint"]


def time_derivative(
    points: Float[Array, "*batch time joint 3"],
    time_ns: Int[Array, "*batch time"],
    *,
    counts: Bool[Array, "*batch time joint"],
    order: int,
) -> Derivative:
    """Return the derivative of that order by divided differences, so that uneven frame times are right.

    The result has `order` frames fewer; it is order! · [x_t, …, x_{t+order}] (Newton's divided difference).
    """
    xp = namespace(points, time_ns, counts)
    seconds = xp.astype(time_ns - time_ns[..., :1], points.dtype) * 1e-9
    value = points
    for step in range(1, order + 1):
        gap = seconds[..., step:] - seconds[..., :-step]
        value = (value[..., 1:, :, :] - value[..., :-1, :, :]) / gap[..., :, None, None]
        counts = counts[..., 1:, :] & counts[..., :-1, :]
    return Derivative(value=value * math.factorial(order), counts=counts)


def acceleration_error(
    points: Float[Array, "*batch time joint 3"],
    truth: Float[Array, "*batch time joint 3"],
    time_ns: Int[Array, "*batch time"],
    *,
    counts: Bool[Array, "*batch time joint"],
) -> Float[Array, ""]:
    """Return the mean distance of the acceleration from the true one, m/s² (Kanazawa et al., HMMR, 2019)."""
    error = time_derivative(points - truth, time_ns, counts=counts, order=2)
    return masked_mean(_length(error.value), error.counts)


def jerk(
    points: Float[Array, "*batch time joint 3"],
    time_ns: Int[Array, "*batch time"],
    *,
    counts: Bool[Array, "*batch time joint"],
) -> Float[Array, ""]:
    """Return the mean length of the third derivative, m/s³: shaking, whether or not the truth is known."""
    third = time_derivative(points, time_ns, counts=counts, order=3)
    return masked_mean(_length(third.value), third.counts)


def bone_length_variation(
    lengths: Float[Array, "time bone"], *, counts: Bool[Array, "time bone"]
) -> Float[Array, ""]:
    """Return the standard deviation of a bone's length over time, m, averaged over bones seen twice or more.

    Leave flexible bones (hip to shoulder, say) out: theirs truly change.
    """
    xp = namespace(lengths, counts)
    weight = xp.astype(counts, lengths.dtype)
    number = xp.sum(weight, axis=-2)
    divisor = xp.clip(number, min=1.0)
    mean = xp.sum(weight * lengths, axis=-2) / divisor
    variance = xp.sum(weight * (lengths - mean[..., None, :]) ** 2, axis=-2) / divisor
    return masked_mean(xp.sqrt(variance), number >= 2)


def _length(vectors: Float[Array, "*batch 3"]) -> Float[Array, "*batch"]:
    xp = namespace(vectors)
    return xp.sqrt(xp.sum(vectors**2, axis=-1))
