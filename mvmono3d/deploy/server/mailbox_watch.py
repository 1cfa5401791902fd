"""A mailbox that may not be there yet, and whose writer may go and come again."""

from mvmono3d.deploy.server.mailbox import MailboxReader
from mvmono3d.errors import InvalidFileError


class MailboxWatch:
    """Takes the newest message of a mailbox by its name, whichever process writes it at the moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._box: MailboxReader | None = None
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """Messages that a newer one replaced before they were taken here."""
        return self._skipped + (0 if self._box is None else self._box.skipped)

    @property
    def writer_lives(self) -> bool:
        """Say whether a process writes it."""
        return self._box is not None and not self._box.closed and self._box.writer_lives

    def take(self) -> bytes | None:
        """Return the newest message if it was not taken yet."""
        if self._box is not None and self._box.closed:
            self.close()
        if self._box is None:
            try:
                self._box = MailboxReader(self._name)
            except InvalidFileError:
                return None
        return self._box.take()

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._box is not None:
            self._skipped += self._box.skipped
            self._box.close()
            self._box = None
