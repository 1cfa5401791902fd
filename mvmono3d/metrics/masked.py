"""Means and quantiles over the entries that count. What a mask leaves out never changes a number."""

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace


def masked_mean(values: Float[Array, "*batch"], counts: Bool[Array, "*batch"]) -> Float[Array, ""]:
    """Return the mean over the entries that count; 0 where none does, so ask `counts` first."""
    xp = namespace(values, counts)
    weight = xp.astype(counts, values.dtype)
    kept = xp.where(counts, values, xp.zeros_like(values))
    return xp.sum(kept) / xp.clip(xp.sum(weight), min=1.0)


def masked_quantile(
    values: Float[Array, "*batch"], counts: Bool[Array, "*batch"], *, fraction: float
) -> Float[Array, ""]:
    """Return the quantile over the entries that count, linear between neighbours; 0 where none does."""
    xp = namespace(values, counts)
    kept = xp.sort(xp.reshape(values, (-1,))[xp.reshape(counts, (-1,))])
    if kept.shape[0] == 0:
        return xp.zeros((), dtype=values.dtype)
    place = fraction * (kept.shape[0] - 1)
    low = int(place)
    high = min(low + 1, kept.shape[0] - 1)
    return kept[low] + (place - low) * (kept[high] - kept[low])
