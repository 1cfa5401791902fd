"""How far joints are from where they truly are. Points in metres, errors in metres.

`counts` marks the joints that take part: there is a truth and the method answered.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array, namespace
from mvmono3d.metrics.masked import masked_mean

_FEWEST_FOR_PROCRUSTES = 3


class ByViews(NamedTuple):
    """Mean error of the joints that 0, 1, 2 … views truly see, and how many joints those are."""

    error: Float[Array, " count"]
    joints: Int[Array, " count"]


class Aligned(NamedTuple):
    """Points moved onto the truth, and the joints for which that could be done."""

    points: Float[Array, "*batch joint 3"]
    counts: Bool[Array, "*batch joint"]


def position_error(
    points: Float[Array, "*batch joint 3"], truth: Float[Array, "*batch joint 3"]
) -> Float[Array, "*batch joint"]:
    """Return each joint's distance from its truth."""
    xp = namespace(points, truth)
    return xp.sqrt(xp.sum((points - truth) ** 2, axis=-1))


def mpjpe(
    points: Float[Array, "*batch joint 3"],
    truth: Float[Array, "*batch joint 3"],
    *,
    counts: Bool[Array, "*batch joint"],
) -> Float[Array, ""]:
    """Return the mean per-joint position error in the world's frame (Ionescu et al., Human3.6M, 2014)."""
    return masked_mean(position_error(points, truth), counts)


def root_relative_mpjpe(
    points: Float[Array, "*batch joint 3"],
    truth: Float[Array, "*batch joint 3"],
    *,
    counts: Bool[Array, "*batch joint"],
    root: int,
) -> Float[Array, ""]:
    """Return MPJPE after moving both roots to the origin; frames whose root doesn't count are left out."""
    moved = points - points[..., root : root + 1, :]
    counts = counts & counts[..., root : root + 1]
    return masked_mean(position_error(moved, truth - truth[..., root : root + 1, :]), counts)


def procrustes_align(
    points: Float[Array, "*batch joint 3"],
    truth: Float[Array, "*batch joint 3"],
    *,
    counts: Bool[Array, "*batch joint"],
) -> Aligned:
    """Move each frame's points onto the truth by the best rotation, scale and shift.

    Least squares over the joints that count (Umeyama, PAMI 1991, equations 38-42), never a mirror image.
    Frames with fewer than three such joints count no longer.
    """
    xp = namespace(points, truth, counts)
    weight = xp.astype(counts, points.dtype)[..., None]
    total = xp.clip(xp.sum(weight, axis=-2, keepdims=True), min=1.0)
    source_mean = xp.sum(weight * points, axis=-2, keepdims=True) / total
    target_mean = xp.sum(weight * truth, axis=-2, keepdims=True) / total
    source, target = weight * (points - source_mean), weight * (truth - target_mean)
    u, singular, vh = xp.linalg.svd(xp.matrix_transpose(target) @ source)
    sign = xp.where(xp.linalg.det(u) * xp.linalg.det(vh) < 0, -1.0, 1.0)
    flip = xp.stack([xp.ones_like(sign), xp.ones_like(sign), sign], axis=-1)
    flip = xp.astype(flip, points.dtype)
    rotation = (u * flip[..., None, :]) @ vh
    spread = xp.clip(xp.sum(source**2, axis=(-2, -1)), min=1e-12)
    scale = xp.sum(singular * flip, axis=-1) / spread
    aligned = scale[..., None, None] * ((points - source_mean) @ xp.matrix_transpose(rotation)) + target_mean
    enough = xp.sum(xp.astype(counts, xp.int64), axis=-1, keepdims=True) >= _FEWEST_FOR_PROCRUSTES
    return Aligned(points=aligned, counts=counts & enough)


def procrustes_mpjpe(
    points: Float[Array, "*batch joint 3"],
    truth: Float[Array, "*batch joint 3"],
    *,
    counts: Bool[Array, "*batch joint"],
) -> Float[Array, ""]:
    """Return MPJPE after `procrustes_align` ("PA-MPJPE", "protocol 2")."""
    aligned = procrustes_align(points, truth, counts=counts)
    return masked_mean(position_error(aligned.points, truth), aligned.counts)


def error_by_views(
    error: Float[Array, "*batch joint"],
    visible_views: Int[Array, "*batch joint"],
    *,
    counts: Bool[Array, "*batch joint"],
    views: int,
) -> ByViews:
    """Split the mean error by how many views truly see a joint: 0, 1, … `views`; 0 where none is such."""
    xp = namespace(error, visible_views, counts)
    groups = [counts & (visible_views == count) for count in range(views + 1)]
    return ByViews(
        error=xp.stack([masked_mean(error, group) for group in groups]),
        joints=xp.stack([xp.sum(xp.astype(group, xp.int64)) for group in groups]),
    )


def fraction_above(
    error: Float[Array, "*batch joint"],
    *,
    wanted: Bool[Array, "*batch joint"],
    answered: Bool[Array, "*batch joint"],
    threshold_m: float,
) -> Float[Array, ""]:
    """Return the share of wanted joints that are off by more than a threshold; no answer counts as off."""
    xp = namespace(error, wanted, answered)
    off = (error > threshold_m) | ~answered
    return masked_mean(xp.astype(off, error.dtype), wanted)


def answered_fraction(
    answered: Bool[Array, "*batch joint"], *, wanted: Bool[Array, "*batch joint"]
) -> Float[Array, ""]:
    """Return the share of wanted joints that got an answer."""
    xp = namespace(answered, wanted)
    return masked_mean(xp.astype(answered, xp.float64), wanted)


def held_error(
    error: Float[Array, "time joint"],
    *,
    points: Float[Array, "time joint 3"],
    truth: Float[Array, "time joint 3"],
    answered: Bool[Array, "time joint"],
    wanted: Bool[Array, "time joint"],
) -> Float[Array, "time joint"]:
    """Return the error of a user who holds a joint's last answer while the method gives none.

    A joint not answered yet costs the actor's size: the longest side of the box round its true joints
    in that frame. So a method gains nothing by keeping silent on what is hard.
    """
    xp = namespace(error, points, truth, answered, wanted)
    frames, joints = answered.shape
    index = xp.broadcast_to(xp.arange(frames)[:, None], (frames, joints))
    last = _running_max(xp.where(answered, index, xp.full_like(index, -1)))
    gather = xp.broadcast_to(xp.clip(last, min=0)[..., None], points.shape)
    held = position_error(xp.take_along_axis(points, gather, axis=0), truth)
    size = _actor_size(truth, wanted)
    late = xp.where(last >= 0, held, xp.broadcast_to(size[:, None], held.shape))
    return xp.where(answered, error, late)


def _running_max(values: Int[Array, "time joint"]) -> Int[Array, "time joint"]:
    xp = namespace(values)
    rows = [values[0, :]]
    for frame in range(1, values.shape[0]):
        rows.append(xp.maximum(rows[-1], values[frame, :]))
    return xp.stack(rows)


def _actor_size(truth: Float[Array, "time joint 3"], wanted: Bool[Array, "time joint"]) -> Array:
    xp = namespace(truth, wanted)
    mask = wanted[..., None]
    far = xp.full_like(truth, 1e9)
    high = xp.max(xp.where(mask, truth, -far), axis=-2)
    low = xp.min(xp.where(mask, truth, far), axis=-2)
    return xp.max(xp.clip(high - low, min=0.0), axis=-1)
