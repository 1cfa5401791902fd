"""Things that hide joints: solids that move round the actor, and limbs that vanish from every view."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import PointSource, Trajectory
from mvmono3d.errors import InvalidRecordError
from mvmono3d.evaluation.stress.cameras import frame_rate
from mvmono3d.evaluation.stress.detector import hide
from mvmono3d.geometry.rigid import camera_centres, rotation_from_vector
from mvmono3d.synthetic.occlusion import occluded_by
from mvmono3d.synthetic.processes import correlation, drift
from mvmono3d.synthetic.scene import Capsules, Props, PropShape, Scene

_RADIUS, _HALF_LENGTH, _DISTANCE = 0.35, 0.8, 1.4
"""Of a virtual occluder, in actor sizes; the distance from the actor's centre."""
_WANDER_S, _SMOOTH_S = 1.5, 0.25
"""How long it stays on one side, and how smoothly it moves."""
_CONTACT = 0.03
"""Depth, in actor sizes, that a joint may lie in the occluder before it counts as hidden."""
_BEFORE_FRAMES, _BETWEEN_FRAMES = (10, 40), (20, 61)


def occlude(clip: Clip, random: np.random.Generator, *, occluders: int, sigma_px: float) -> Clip:
    """Let cylinders wander round the actor and hide what lies behind them, view by view.

    Their size follows the actor's. The truth never changes; hidden joints become OBJECT, and the detector
    guesses them or keeps silent. Raises `InvalidRecordError` without truth.
    """
    if occluders == 0:
        return clip
    hidden = hidden_by_solids(clip, random, occluders=occluders)
    return hide(clip, random, hidden=hidden, sigma_px=sigma_px)


def hidden_by_solids(
    clip: Clip, random: np.random.Generator, *, occluders: int
) -> Bool[np.ndarray, "time view joint"]:
    """Return which joints lie behind such cylinders."""
    if clip.truth is None:
        raise InvalidRecordError("clip without truth: a virtual occluder needs to know where the joints are")
    points, size = _everywhere(clip.truth), actor_size_m(clip.truth)
    frames = len(points)
    solids = [
        _wander(points.mean(axis=1), random, size=size, rate=frame_rate(clip)) for _ in range(occluders)
    ]
    nothing = np.zeros((frames, 0, 3))
    scene = Scene(
        points_world=points,
        capsules=Capsules(
            start_world=nothing,
            end_world=nothing,
            radius_m=np.zeros(0),
            touches=np.zeros((points.shape[1], 0), dtype=bool),
        ),
        props=Props(
            shape=np.full(occluders, int(PropShape.CYLINDER), dtype=np.int64),
            size_m=np.tile(size * np.array([_RADIUS, _RADIUS, _HALF_LENGTH]), (occluders, 1)),
            world_from_prop=np.stack(solids, axis=1),
        ),
        time_ns=np.asarray(clip.observations.time_ns),
    )
    centres = np.asarray(camera_centres(clip.rig.camera_from_world), dtype=np.float64)
    state = occluded_by(scene, centres, contact_tolerance_m=_CONTACT * size)
    return np.asarray(state) == OcclusionState.OBJECT


def hide_limbs(clip: Clip, random: np.random.Generator, *, frames: tuple[int, int], sigma_px: float) -> Clip:
    """Hide a branch of the skeleton from all views for so many frames (fewest, most), again and again."""
    shape, branches = clip.observations.detected.shape, limbs(clip.skeleton)
    hidden, start = np.zeros(shape, dtype=bool), int(random.integers(*_BEFORE_FRAMES))
    while start < shape[0]:
        branch = list(branches[random.integers(len(branches))])
        end = start + int(random.integers(frames[0], frames[1] + 1))
        hidden[start:end, :, branch] = True
        start = end + int(random.integers(*_BETWEEN_FRAMES))
    return hide(clip, random, hidden=hidden, sigma_px=sigma_px) if hidden.any() else clip


def limbs(skeleton: Skeleton) -> tuple[tuple[int, ...], ...]:
    """Return the branches of two joints to a quarter of the skeleton; single joints where there is none."""
    branches = {joint: [joint] for joint in range(len(skeleton.joints))}
    for joint in reversed(skeleton.order):
        if skeleton.parents[joint] >= 0:
            branches[skeleton.parents[joint]].extend(branches[joint])
    most = max(2, len(skeleton.joints) // 4)
    fitting = tuple(tuple(branch) for branch in branches.values() if 2 <= len(branch) <= most)
    return fitting or tuple((joint,) for joint in branches)


def actor_size_m(truth: Trajectory) -> float:
    """Return the root mean square distance of the joints from their mean, median over frames."""
    known = (np.asarray(truth.source) != PointSource.MISSING)[..., None]
    points, count = np.asarray(truth.points_world, dtype=np.float64), np.maximum(known.sum(axis=1), 1)
    centre = np.where(known, points, 0.0).sum(axis=1) / count
    apart = np.where(known, points - centre[:, None], 0.0)
    sizes = np.sqrt((apart**2).sum(axis=(1, 2)) / count[:, 0])
    enough = known[..., 0].sum(axis=1) >= 2
    return float(np.median(sizes[enough])) if enough.any() else 1.0


def _everywhere(truth: Trajectory) -> Float[np.ndarray, "time joint 3"]:
    """Hold joints where they were known last, or will be first; those never known lie at the centre."""
    known, points = np.asarray(truth.source) != PointSource.MISSING, np.asarray(truth.points_world)
    frame = np.arange(len(points))[:, None]
    before = np.maximum.accumulate(np.where(known, frame, -1), axis=0)
    first = np.where(known.any(axis=0), np.argmax(known, axis=0), 0)
    place = np.where(before >= 0, before, first)
    held = np.take_along_axis(points, place[..., None], axis=0).astype(np.float64)
    ever = known.any(axis=0)
    if ever.any():
        held[:, ~ever] = held[:, ever].mean(axis=1, keepdims=True)
    return held


def _wander(
    centre_world: Float[np.ndarray, "time 3"], random: np.random.Generator, *, size: float, rate: float
) -> Float[np.ndarray, "time 3 4"]:
    rho = correlation(_WANDER_S, rate_hz=rate)
    walk = drift(random, (len(centre_world), 6), correlation=rho).astype(np.float64)
    walk = gaussian_filter1d(walk, _SMOOTH_S * rate, axis=0, mode="nearest")
    direction = walk[:, :3] / np.maximum(np.linalg.norm(walk[:, :3], axis=1, keepdims=True), 1e-9)
    place = centre_world + _DISTANCE * size * direction
    return np.concatenate([np.asarray(rotation_from_vector(walk[:, 3:])), place[..., None]], axis=-1)
