"""The answers that the loop publishes, as a recording keeps them beside the frames."""

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.recording.messages import JointsMessage
from mvmono3d.deploy.server.channel import Topic, mailbox_name
from mvmono3d.deploy.server.convert import pose_frame
from mvmono3d.deploy.server.mailbox import MailboxReader
from mvmono3d.deploy.server.messages import Pose
from mvmono3d.deploy.server.wire import Format, decode
from mvmono3d.errors import InvalidFileError


class Answers:
    """Reads along with the server, of one rig; the loop may come later, go, and come again."""

    def __init__(self, name: str, skeleton: Skeleton) -> None:
        self._name, self._skeleton = mailbox_name(name, Topic.POSE), skeleton
        self._box: MailboxReader | None = None
        self._first_ns: int | None = None
        self._last_ns = self._taken_ns = -1
        self._skipped = 0

    @property
    def awaited(self) -> bool:
        """Say whether the answer for the last set that was recorded is still to come."""
        return self._taken_ns < self._last_ns

    @property
    def skipped(self) -> int:
        """Answers that a newer one replaced before they were read here."""
        return self._skipped + (0 if self._box is None else self._box.skipped)

    def expect(self, time_ns: int) -> None:
        """Note that a frame set is recorded: answers for earlier ones than the first are not."""
        self._first_ns = time_ns if self._first_ns is None else self._first_ns
        self._last_ns = time_ns

    def take(self) -> tuple[JointsMessage, ...]:
        """Return the newest answer, one message an actor; nothing where it was taken or is of nobody."""
        content = self._newest()
        if content is None:
            return ()
        pose = decode(content, Format.MSGPACK)
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
        if self._box is not None:
            self._skipped += self._box.skipped
            self._box.close()
            self._box = None

    def _newest(self) -> bytes | None:
        if self._box is not None and self._box.closed:
            self.close()
        if self._box is None:
            try:
                self._box = MailboxReader(self._name)
            except InvalidFileError:
                return None
        return self._box.take()
