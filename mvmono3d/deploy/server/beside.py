"""A topic of a rig, read beside the server by another process of it."""

from mvmono3d.deploy.server.channel import Topic, mailbox_name
from mvmono3d.deploy.server.mailbox import MailboxReader
from mvmono3d.deploy.server.messages import ServerMessage
from mvmono3d.deploy.server.wire import Format, decode
from mvmono3d.errors import InvalidFileError


class Beside:
    """Takes the newest message of a topic; its writer may come later, go, and come again."""

    def __init__(self, name: str, topic: Topic) -> None:
        self._name = mailbox_name(name, topic)
        self._box: MailboxReader | None = None
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """Messages that a newer one replaced before they were read here."""
        return self._skipped + (0 if self._box is None else self._box.skipped)

    def take(self) -> ServerMessage | None:
        """Return the newest message if it was not taken yet."""
        if self._box is not None and self._box.closed:
            self.close()
        if self._box is None:
            try:
                self._box = MailboxReader(self._name)
            except InvalidFileError:
                return None
        content = self._box.take()
        return None if content is None else decode(content, Format.MSGPACK)

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._box is not None:
            self._skipped += self._box.skipped
            self._box.close()
            self._box = None
