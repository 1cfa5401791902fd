"""The robust triangulation compiled, for the rig and for whole recordings: the twin of `robust.py`.

float64, one thread, releases the GIL. Machine code is kept on disk, see `compiled.py`. Both twins give the
same answer up to rounding; tests/geometry/test_robust_parity.py holds them together.
"""

import math
from functools import cache, lru_cache

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens_lanes import LANES
from mvmono3d.geometry.robust_consensus import triangulate_lanes
from mvmono3d.geometry.robust_lanes import Limits
from mvmono3d.geometry.robust_settings import MAX_VIEWS, RobustSettings, RobustTriangulated, view_subsets

_DEFAULT = RobustSettings()


def triangulate_robust_bulk(
    pixels: Float[np.ndarray, "*#batch view joint 2"],
    confidence: Float[np.ndarray, "*#batch view joint"],
    detected: Bool[np.ndarray, "*#batch view joint"],
    *,
    lens: Float[np.ndarray, "*#batch view 10"],
    camera_from_world: Float[np.ndarray, "*#batch view 3 4"],
    settings: RobustSettings | None = None,
) -> RobustTriangulated:
    """Triangulate joints from the views that agree: `robust.triangulate_robust`, compiled, in float64.

    Raises `InvalidRecordError` for more than 62 views.
    """
    settings = settings or _DEFAULT
    views, joints = confidence.shape[-2:]
    if views > MAX_VIEWS:
        raise InvalidRecordError(f"{views} views, expected at most {MAX_VIEWS}")
    of_rig = np.broadcast_shapes(lens.shape[:-2], camera_from_world.shape[:-3])
    batch = np.broadcast_shapes(pixels.shape[:-3], confidence.shape[:-2], detected.shape[:-2], of_rig)
    flat = (math.prod(batch), views, joints)
    results = RobustTriangulated(
        points_world=np.zeros((flat[0], joints, 3)),
        covariance_world=np.zeros((flat[0], joints, 3, 3)),
        inlier=np.zeros(flat, dtype=bool),
        agreeing=np.zeros((flat[0], joints), dtype=np.int64),
        reason=np.zeros((flat[0], joints), dtype=np.int64),
        residual_px=np.zeros(flat),
    )
    if math.prod(flat):
        members, sizes = _subset_lanes(views)
        triangulate_lanes(
            _flat(pixels, batch, (views, joints, 2), dtype=np.float64),
            _flat(confidence, batch, (views, joints), dtype=np.float64),
            _flat(detected, batch, (views, joints), dtype=np.bool_),
            _cameras(lens, camera_from_world, batch=batch, settings=settings),
            members,
            sizes,
            np.square(np.array(settings.refine_gates) * settings.sigma_px),
            _limits(settings),
            results,
        )
    return RobustTriangulated(*(array.reshape(*batch, *array.shape[1:]) for array in results))


def _flat(array: np.ndarray, batch: tuple[int, ...], own: tuple[int, ...], *, dtype: type) -> np.ndarray:
    """Broadcast and join the batch axes; no copy of an array that has its final form."""
    full = array if array.shape == (*batch, *own) else np.broadcast_to(array, (*batch, *own))
    # Writeable, because to numba a read-only array is another type and would be compiled for anew.
    return np.require(full, dtype=dtype, requirements=("C", "W")).reshape(-1, *own)


def _cameras(
    lens: np.ndarray, camera_from_world: np.ndarray, *, batch: tuple[int, ...], settings: RobustSettings
) -> np.ndarray:
    """Return (rig, view, 26): lens 10, rotation 9, translation 3, centre 3, number of the view's place."""
    lens, camera_from_world = _rigs(lens, camera_from_world, batch=batch)
    rotation, translation = camera_from_world[..., :3], camera_from_world[..., 3]
    centre = -np.sum(rotation * translation[..., None], axis=-2)
    offset = centre[:, :, None] - centre[:, None]
    near = np.sum(offset * offset, axis=-1) <= settings.min_separation_m**2
    place = np.argmax(near, axis=-1)[..., None]
    flat_rotation = rotation.reshape(*rotation.shape[:2], 9)
    return np.concatenate([lens, flat_rotation, translation, centre, place], axis=-1, dtype=np.float64)


def _rigs(
    lens: np.ndarray, camera_from_world: np.ndarray, *, batch: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return lenses and poses with one axis of rigs: one rig where all joints share it.

    Rigs may differ along the leading batch axes and be shared along the trailing ones (a batch of clips).
    """
    if lens.ndim == 2 and camera_from_world.ndim == 3:
        return lens[None], camera_from_world[None]
    axes = np.broadcast_shapes(lens.shape[:-2], camera_from_world.shape[:-3])
    shared = 0
    while shared < len(axes) and axes[-1 - shared] == 1:
        shared += 1
    head = axes[: len(axes) - shared]
    whole = batch[: len(batch) - shared] if head else ()
    pair = []
    for array, own in ((lens, lens.shape[-2:]), (camera_from_world, camera_from_world.shape[-3:])):
        array = np.broadcast_to(array, (*axes, *own)).reshape(*head, *own)
        pair.append(np.broadcast_to(array, (*whole, *own)).reshape(-1, *own))
    return pair[0], pair[1]


@cache
def _subset_lanes(views: int) -> tuple[np.ndarray, np.ndarray]:
    """Return membership (chunk, view, lane) and size (chunk, lane) of the subsets, padded with size 0."""
    subsets = view_subsets(views)
    chunks = max(1, -(-len(subsets) // LANES))
    members = np.zeros((chunks * LANES, views))
    for row, subset in enumerate(subsets):
        members[row, list(subset)] = 1.0
    members = members.reshape(chunks, LANES, views)
    return np.ascontiguousarray(np.moveaxis(members, -1, -2)), np.sum(members, axis=-1)


@lru_cache(maxsize=64)
def _limits(settings: RobustSettings) -> Limits:
    variance = settings.sigma_px**2
    return Limits(
        variance=variance,
        gate2=settings.gate**2 * variance,
        last_gate2=settings.refine_gates[-1] ** 2 * variance,
        margin=settings.rival_margin * variance,
        least_sine2=math.sin(math.radians(settings.min_angle_deg)) ** 2,
        min_depth=settings.min_depth_m,
    )
