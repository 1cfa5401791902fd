"""Whether a method loses where a simple one is right: errors side by side, on joints that both answer."""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array, namespace


class Excess(NamedTuple):
    """How much farther off a method is than the baseline, summed by how many views agreed."""

    total_m: Float[Array, " group"]
    """Below 0 the method is better."""
    joints: Int[Array, " group"]


def excess_by_agreement(
    error: Float[Array, "*batch joint"],
    baseline: Float[Array, "*batch joint"],
    *,
    agreeing: Int[Array, "*batch joint"],
    counts: Bool[Array, "*batch joint"],
    most: int,
) -> Excess:
    """Sum error minus the baseline's over joints on which 0, 1, 2 … `most` or more views agree."""
    xp = namespace(error, baseline, agreeing, counts)
    group, difference = xp.clip(agreeing, max=most), error - baseline
    masks = [counts & (group == number) for number in range(most + 1)]
    nothing = xp.zeros_like(difference)
    return Excess(
        total_m=xp.stack([xp.sum(xp.where(mask, difference, nothing)) for mask in masks]),
        joints=xp.stack([xp.sum(xp.astype(mask, xp.int64)) for mask in masks]),
    )


def lost_ground(
    error: Float[Array, "*batch joint"],
    baseline: Float[Array, "*batch joint"],
    *,
    far_m: float,
    near_m: float,
) -> Bool[Array, "*batch joint"]:
    """Say where a method is farther off than one distance though the baseline is nearer than another."""
    return (error > far_m) & (baseline < near_m)
