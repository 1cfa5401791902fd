"""A clip: one actor in front of one rig for some time, with truth where there is any."""

from dataclasses import dataclass

from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Record):
    """Observations and rig, with true joints and occlusion states where they are known."""

    skeleton: Skeleton
    rig: Rig
    observations: Observations
    truth: Trajectory | None = None
    occlusion: OcclusionLabels | None = None

    def __post_init__(self) -> None:
        views, joints = self.observations.pixels.shape[-3:-1]
        if views != len(self.rig.names):
            raise InvalidRecordError(f"clip with {views} views but a rig of {len(self.rig.names)} cameras")
        if joints != len(self.skeleton.joints):
            name, expected = self.skeleton.name, len(self.skeleton.joints)
            raise InvalidRecordError(f"clip with {joints} joints, but skeleton {name!r} has {expected}")
