"""A topic of a rig, read beside the server by another process of it."""

from mvmono3d.deploy.server.channel import Topic, mailbox_name
from mvmono3d.deploy.server.mailbox_watch import MailboxWatch
from mvmono3d.deploy.server.messages import ServerMessage
from mvmono3d.deploy.server.wire import Format, decode


class Beside:
    """Takes the newest message of a topic; its writer may come later, go, and come again."""

    def __init__(self, name: str, topic: Topic) -> None:
        self._box = MailboxWatch(mailbox_name(name, topic))

    @property
    def skipped(self) -> int:
        """Messages that a newer one replaced before they were read here."""
        return self._box.skipped

    def take(self) -> ServerMessage | None:
        """Return the newest message if it was not taken yet."""
        content = self._box.take()
        return None if content is None else decode(content, Format.MSGPACK)

    def close(self) -> None:
        """Let go; safe to call twice."""
        self._box.close()
