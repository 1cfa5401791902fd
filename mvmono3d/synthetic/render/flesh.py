"""An actor's flesh as a smooth field: tapered capsules that flow into one another."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

_TIP_TAPER = 0.85
_FLOW = 0.25
"""How far capsules flow into one another, in radii of the thinnest."""
_REACH = 6.0
"""Beyond this many flow lengths a capsule is not felt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flesh(Record):
    """Capsules with a radius at each end."""

    start_m: Float[Array, "capsule 3"]
    end_m: Float[Array, "capsule 3"]
    start_radius_m: Float[Array, " capsule"]
    end_radius_m: Float[Array, " capsule"]
    flow_m: float


def shape_flesh(
    points: Float[Array, "node 3"],
    capsule_nodes: Int[Array, "capsule 2"],
    radius_m: Float[Array, " capsule"],
    *,
    girth: Float[Array, " node"],
) -> Flesh:
    """Return flesh round capsules between points; `girth` widens it at each node.

    Where capsules meet their radii do too, halfway in the logarithm; a free end is a little thinner.
    """
    places, node = np.unique(np.round(points, 6), axis=0, return_inverse=True)
    ends = node.reshape(-1)[capsule_nodes]
    logs = np.log(radius_m)
    total, count = np.zeros(len(places)), np.zeros(len(places))
    for side in range(2):
        np.add.at(total, ends[:, side], logs)
        np.add.at(count, ends[:, side], 1.0)
    radii = []
    for side in range(2):
        others = count[ends[:, side]] - 1.0
        near = (total[ends[:, side]] - logs) / np.maximum(others, 1.0)
        log_radius = np.where(others > 0.0, 0.5 * (logs + near), logs + np.log(_TIP_TAPER))
        radii.append(np.exp(log_radius) * girth[capsule_nodes[:, side]])
    return Flesh(
        start_m=points[capsule_nodes[:, 0]],
        end_m=points[capsule_nodes[:, 1]],
        start_radius_m=radii[0],
        end_radius_m=radii[1],
        flow_m=_FLOW * float(radius_m.min()),
    )


def capsule_distances(
    flesh: Flesh, points: Float[Array, "point 3"], *, capsules: slice = slice(None)
) -> tuple[Float[Array, "point capsule"], Float[Array, "point capsule 3"]]:
    """Return the distance to each capsule's surface, negative inside, and its gradient."""
    start, along = flesh.start_m[capsules], flesh.end_m[capsules] - flesh.start_m[capsules]
    length2 = np.maximum((along**2).sum(axis=-1), 1e-18)
    first, last = flesh.start_radius_m[capsules], flesh.end_radius_m[capsules]
    apart = points[:, None] - start
    share = np.clip((apart * along).sum(axis=-1) / length2, 0.0, 1.0)
    apart = apart - share[..., None] * along
    length = np.sqrt((apart**2).sum(axis=-1))
    gradient = apart / np.maximum(length, 1e-12)[..., None]
    return length - (first + share * (last - first)), gradient


def field_at(
    flesh: Flesh, points: Float[Array, "point 3"]
) -> tuple[Float[Array, " point"], Float[Array, "point 3"]]:
    """Return the smooth distance to the flesh, negative inside, and its unit gradient."""
    distance, gradient = capsule_distances(flesh, points)
    nearest = distance.min(axis=1)
    pull = np.exp((nearest[:, None] - distance) / flesh.flow_m)
    total = pull.sum(axis=1)
    normal = (pull[..., None] * gradient).sum(axis=1)
    normal /= np.maximum(np.sqrt((normal**2).sum(axis=1)), 1e-12)[:, None]
    return nearest - flesh.flow_m * np.log(total), normal


def field_on_grid(flesh: Flesh, *, step: float) -> tuple[Float[Array, "x y z"], Float[Array, "3"]]:
    """Return the field on a grid that holds all flesh, and the grid's origin."""
    reach = _REACH * flesh.flow_m
    widest = np.maximum(flesh.start_radius_m, flesh.end_radius_m)[:, None] + reach
    low = np.minimum(flesh.start_m, flesh.end_m) - widest
    high = np.maximum(flesh.start_m, flesh.end_m) + widest
    origin = low.min(axis=0) - step
    size = np.ceil((high.max(axis=0) - origin) / step).astype(int) + 2
    pull = np.zeros(size)
    for capsule in range(len(low)):
        first = np.floor((low[capsule] - origin) / step).astype(int)
        last = np.ceil((high[capsule] - origin) / step).astype(int) + 1
        box = tuple(slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True))
        axes = [origin[axis] + step * np.arange(first[axis], last[axis]) for axis in range(3)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        distance, _ = capsule_distances(flesh, points.reshape(-1, 3), capsules=slice(capsule, capsule + 1))
        pull[box] += np.exp(-distance[:, 0].reshape(points.shape[:3]) / flesh.flow_m)
    return -flesh.flow_m * np.log(np.maximum(pull, np.exp(-_REACH))), origin
