"""What the loop publishes, and what a client gets: the answer for one frame set."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.record import Record
from mvmono3d.core.trajectory import PointSource
from mvmono3d.errors import InvalidRecordError

CONFIDENCE_WITHIN_M = 0.01
"""A joint's confidence is the stated probability that it lies within this distance of its point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorPose(Record):
    """One person, hand or animal. Where `source` is MISSING the numbers are 0."""

    actor: int
    """Who it is; the same through occlusion and crossing."""
    points_world: Float[np.ndarray, "joint 3"]
    """Metres."""
    covariance_world: Float[np.ndarray, "joint 3 3"]
    """Square metres."""
    source: Int[np.ndarray, " joint"]
    """`PointSource`."""
    decided_by: Int[np.ndarray, " joint"]
    """`Decision`."""
    reason: Int[np.ndarray, " joint"]
    """`MissingReason`."""
    occlusion: Float[np.ndarray, "view joint 4"]
    """Probabilities of the four `OcclusionState`s."""
    weights: Float[np.ndarray, "view joint"]
    """Share of a joint's information that each view contributed."""
    reprojection_px: Float[np.ndarray, "view joint"]
    """0 where the view did not detect the joint."""

    def __post_init__(self) -> None:
        joints, views = len(self.source), len(self.weights)
        expected = {
            "points_world": (joints, 3),
            "covariance_world": (joints, 3, 3),
            "decided_by": (joints,),
            "reason": (joints,),
            "occlusion": (views, joints, 4),
            "weights": (views, joints),
            "reprojection_px": (views, joints),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise InvalidRecordError(
                    f"actor {self.actor}: {name} {array.shape}, expected finite numbers {shape} "
                    f"({joints} joints as in source, {views} views as in weights)"
                )

    @property
    def present(self) -> Bool[np.ndarray, " joint"]:
        """Which joints have a point."""
        return self.source != PointSource.MISSING

    @property
    def confidence(self) -> Float[np.ndarray, " joint"]:
        """Stated probability that the joint is within `CONFIDENCE_WITHIN_M` of its point; 0 where missing.

        The covariance is taken as round, with its mean variance: the chi distribution of three dimensions.
        """
        variance = np.trace(self.covariance_world, axis1=-2, axis2=-1) / 3.0
        reach = CONFIDENCE_WITHIN_M / np.sqrt(np.maximum(variance, 1e-18))
        # Beyond ten standard deviations the rest is below a float's precision.
        reach = np.minimum(reach, 10.0)
        inside = np.array([math.erf(sigmas / math.sqrt(2.0)) for sigmas in reach.tolist()])
        inside -= math.sqrt(2.0 / math.pi) * reach * np.exp(-0.5 * reach**2)
        return np.where(self.present, np.clip(inside, 0.0, 1.0), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPose:
    """Where an object or a limb is: `world_from_object`."""

    name: str
    quaternion_wxyz: tuple[float, float, float, float]
    position_world: tuple[float, float, float]
    """Metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseMetrics:
    """How good and how late an answer is."""

    reprojection_rms_px: float = 0.0
    """Over all actors, each detection by its weight."""
    latency_ms: float = 0.0
    """From mid-exposure to the moment it was published."""
    stages_ms: tuple[tuple[str, float], ...] = ()
    """How long each stage took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseFrame:
    """The answer for one frame set."""

    seq: int
    """Counts the answers of a run; a gap is an answer that was replaced by a newer one on its way."""
    time_ns: int
    """Start of exposure on the rig's clock."""
    published_ns: int
    """`time.monotonic_ns()` of the host when it was published: a client on that host subtracts it."""
    actors: tuple[ActorPose, ...]
    view_present: Bool[np.ndarray, " view"]
    """Which cameras delivered."""
    objects: tuple[ObjectPose, ...] = ()
    cloud_id: int | None = None
    """Number of the point cloud of this frame set, on the topic of clouds."""
    metrics: PoseMetrics = PoseMetrics()
    warnings: tuple[str, ...] = ()
    """What is wrong now: a stage that restarts, a rig that moved."""


def reprojection_rms_px(actors: tuple[ActorPose, ...]) -> float:
    """Return the root mean square, each detection by its share of its joint's information; 0 without any."""
    weight = sum(float(actor.weights.sum()) for actor in actors)
    square = sum(float((actor.weights * actor.reprojection_px**2).sum()) for actor in actors)
    return math.sqrt(square / weight) if weight > 0 else 0.0
