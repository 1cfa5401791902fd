"""The answers that the loop publishes, as a recording keeps them beside the frames."""

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.recording.messages import JointsMessage
from mvmono3d.deploy.server.beside import Beside
from mvmono3d.deploy.server.channel import Topic
from mvmono3d.deploy.server.convert import pose_frame
from mvmono3d.deploy.server.messages import Pose


class Answers:
    """Reads along with the server, of one rig; the loop may come later, go, and come again."""

    def __init__(self, name: str, skeleton: Skeleton) -> None:
        self._poses, self._skeleton = Beside(name, Topic.POSE), skeleton
        self._first_ns: int | None = None
        self._last_ns = self._taken_ns = -1

    @property
    def awaited(self) -> bool:
        """Say whether the answer for the last set that was recorded is still to come."""
        return self._taken_ns < self._last_ns

    @property
    def skipped(self) -> int:
        """Answers that a newer one replaced before they were read here."""
        return self._poses.skipped

    def expect(self, time_ns: int) -> None:
        """Note that a frame set is recorded: answers for earlier ones than the first are not."""
        self._first_ns = time_ns if self._first_ns is None else self._first_ns
        self._last_ns = time_ns

    def take(self) -> tuple[JointsMessage, ...]:
        """Return the newest answer, one message an actor; nothing where it was taken or is of nobody."""
        pose = self._poses.take()
        if not isinstance(pose, Pose) or self._first_ns is None or pose.t_ns < self._first_ns:
            return ()
        self._taken_ns = pose.t_ns
        return tuple(
            JointsMessage(
                time_ns=pose.t_ns,
                skeleton=self._skeleton.name,
                joints=self._skeleton.joints,
                points_world=actor.points_world,
                source=actor.source,
                actor=actor.actor,
                covariance_world=actor.covariance_world,
            )
            for actor in pose_frame(pose).actors
        )

    def close(self) -> None:
        """Let go; safe to call twice."""
        self._poses.close()
