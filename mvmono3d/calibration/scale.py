"""The size of a rig's world and which way is up: by a length that is known, and by points on the floor."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.rigid import camera_centres, compose, invert, orthonormal, transform_from

_LEAST_FRAMES = 10
_MAD = 1.4826
"""Standard deviation over the median absolute deviation of a Gaussian."""
_FLOOR_ROUNDS = 20
_FLAT = 0.05
"""Spread of floor points off their plane, over their spread along it: beyond it they are no floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A known length as a rig measures it."""

    measured_m: float
    """Median over the frames."""
    sigma_m: float
    """Of one frame, robust."""
    factor: float
    """By which the rig's world must grow to make it right."""
    factor_sigma: float
    frames: int

    @property
    def trusted(self) -> bool:
        """Whether the scale is right within half a per cent, or within what can be told."""
        return abs(self.factor - 1.0) <= max(0.005, 3.0 * self.factor_sigma)


def measure_length(
    first_world: Float[Array, "time 3"],
    second_world: Float[Array, "time 3"],
    present: Bool[Array, " time"],
    *,
    length_m: float,
) -> Length:
    """Compare a bar, or a bone, of known length with the distance of its ends.

    Robust against ends found wrongly in up to half of the frames. Raises `InvalidRecordError` for fewer
    than ten frames and for a length that is none.
    """
    frames = int(present.sum())
    if frames < _LEAST_FRAMES:
        raise InvalidRecordError(
            f"both ends of the known length seen in {frames} frames, expected {_LEAST_FRAMES} or more"
        )
    if not 0.0 < length_m < np.inf:
        raise InvalidRecordError(f"a known length of {length_m} m, expected above 0")
    lengths = np.linalg.norm(second_world[present] - first_world[present], axis=-1)
    middle = float(np.median(lengths))
    if middle <= 0.0:
        raise InvalidRecordError("both ends of the known length are at one place")
    sigma = _MAD * float(np.median(np.abs(lengths - middle)))
    factor = length_m / middle
    # The median of n Gaussian numbers is sqrt(pi / 2 n) sigmas off.
    spread = factor * sigma / middle * np.sqrt(np.pi / 2.0 / frames)
    return Length(measured_m=middle, sigma_m=sigma, factor=factor, factor_sigma=float(spread), frames=frames)


def scaled_rig(rig: Rig, factor: float) -> Rig:
    """Return the rig with its world grown by a factor; what the cameras see stays."""
    return replace(
        rig,
        camera_from_world=np.asarray(rig.camera_from_world) * np.array([1.0, 1.0, 1.0, factor]),
        pose_sigma=np.asarray(rig.pose_sigma) * np.array([1.0, factor]),
    )


def turned_world(rig: Rig, new_from_old: Float[Array, "3 4"]) -> Rig:
    """Return the rig in another world frame: x_new = new_from_old x_old."""
    old_from_new = invert(np.asarray(new_from_old, dtype=np.float64))
    return replace(rig, camera_from_world=compose(np.asarray(rig.camera_from_world), old_from_new))


def floor_from_points(
    points_world: Float[Array, "point 3"], rig: Rig, *, forward: Float[Array, "3"] | None = None
) -> Float[Array, "3 4"]:
    """Return new_from_old with z = 0 on the floor through the points and +Z towards the cameras.

    The origin is the middle of the points, +Y lies nearest to `forward` (the old +Y by default). Points off
    the floor count less and less (iteratively reweighted, Cauchy). Raises `InvalidRecordError` for fewer
    than three points, for points on one line, and for points that lie on no plane.
    """
    points = np.asarray(points_world, dtype=np.float64)
    if len(points) < 3:
        raise InvalidRecordError(f"{len(points)} points on the floor, expected 3 or more")
    middle, spread, axes = _plane(points)
    thickness, width, length = np.sqrt(np.maximum(spread, 0.0))
    if width < _FLAT * length:
        raise InvalidRecordError("the points on the floor lie on one line: add some beside it")
    if thickness > _FLAT * length:
        raise InvalidRecordError(
            f"the points spread {thickness:.3g} m off their plane and {length:.3g} m along it: no floor"
        )
    up = axes[:, 0] * np.sign(
        np.mean((camera_centres(np.asarray(rig.camera_from_world)) - middle) @ axes[:, 0])
    )
    across = np.cross(np.array([0.0, 1.0, 0.0]) if forward is None else forward, up)
    frame = orthonormal(across, np.cross(up, across))
    if not frame.ok:
        raise InvalidRecordError("forward stands upright on the floor: name another direction")
    rotation = frame.rotation.T
    return transform_from(rotation, -rotation @ middle)


def _plane(points: Array) -> tuple[Array, Array, Array]:
    """Return the middle of the points, their variances from the least up, and those axes as columns."""
    weight = np.ones(len(points))
    middle, spread, axes = points.mean(axis=0), np.zeros(3), np.eye(3)
    for _ in range(_FLOOR_ROUNDS):
        middle = np.average(points, axis=0, weights=weight)
        spread, axes = np.linalg.eigh(np.cov((points - middle).T, aweights=weight, bias=True))
        off = (points - middle) @ axes[:, 0]
        sigma = max(_MAD * float(np.median(np.abs(off))), 1e-9)
        weight = 1.0 / (1.0 + (off / (2.0 * sigma)) ** 2)
    return middle, spread, axes
