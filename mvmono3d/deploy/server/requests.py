"""What a client asks for: understood, allowed, handed to the loop, answered; never an exception."""

import math
from collections.abc import Callable

from mvmono3d.deploy.server.access import Allowance, Guesses, same_token
from mvmono3d.deploy.server.counts import Counts
from mvmono3d.deploy.server.messages import (
    Acknowledge,
    ClientMessage,
    Command,
    Failure,
    GetStatus,
    Reply,
    SetRoi,
    Subscribe,
)
from mvmono3d.deploy.server.outbox import Outbox
from mvmono3d.deploy.server.settings import Limits
from mvmono3d.deploy.server.wire import decode_command
from mvmono3d.errors import StreamError

MALFORMED, UNAUTHORISED, UNAVAILABLE = "malformed", "unauthorised", "unavailable"
_FARTHEST_M = 1e3
_EXPLAINED = 300


class Requests:
    """Handles the messages of one client."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        address: str,
        control_token: str | None,
        limits: Limits,
        guesses: Guesses,
        counts: Counts,
        send: Callable[[ClientMessage], bool],
        tell_status: Callable[[Outbox], None],
    ) -> None:
        self._outbox, self._address, self._token = outbox, address, control_token
        self._guesses, self._counts, self._limits = guesses, counts, limits
        self._send, self._tell_status = send, tell_status
        self._messages, self._commands = Allowance(limits.messages_per_s), Allowance(limits.commands_per_s)
        self._errors = 0

    def handle(self, content: bytes | str) -> str | None:
        """Answer a message; returns why the connection is to be closed, if it is."""
        if not self._messages.take():
            return f"more than {self._limits.messages_per_s:.0f} messages per second"
        try:
            command = decode_command(content)
            _check(command)
        except StreamError as error:
            self._counts.malformed += 1
            return self._refuse(MALFORMED, str(error), None)
        if isinstance(command, Subscribe):
            self._outbox.subscribe(command.value.credit)
            return self._answer(command) if command.id is not None else None
        if isinstance(command, Acknowledge):
            self._outbox.acknowledge(int(command.value))
            return None
        return self._obey(command)

    def _obey(self, command: ClientMessage) -> str | None:
        if self._guesses.blocked(self._address) or not same_token(command.token, self._token):
            return self._refuse_unauthorised(command)
        if not self._commands.take():
            self._counts.commands_unavailable += 1
            return self._refuse(
                UNAVAILABLE, f"at most {self._limits.commands_per_s:g} commands per second", command.id
            )
        if isinstance(command, GetStatus):
            self._tell_status(self._outbox)
        elif not self._send(command):
            self._counts.commands_unavailable += 1
            return self._refuse(UNAVAILABLE, "the loop does not take commands now", command.id)
        self._counts.commands_accepted += 1
        return self._answer(command)

    def _refuse_unauthorised(self, command: Command) -> str | None:
        self._counts.commands_unauthorised += 1
        if self._token is None:
            return self._refuse(UNAUTHORISED, "this server takes no commands: it has no token", command.id)
        if self._guesses.blocked(self._address):
            return self._refuse(UNAUTHORISED, "too many wrong tokens: wait a minute", command.id)
        if command.token:
            self._guesses.note(self._address)
        return self._refuse(UNAUTHORISED, "this needs the control token", command.id)

    def _answer(self, command: Command) -> str | None:
        name = str(command.__struct_config__.tag)
        sent = self._outbox.reply(Reply(cmd=name, id=command.id))
        return None if sent else "answers are not read"

    def _refuse(self, code: str, message: str, request: int | None) -> str | None:
        self._errors += 1
        if self._errors >= self._limits.errors:
            return f"{self._errors} messages were refused, the last as {code}"
        sent = self._outbox.reply(Failure(code=code, message=message[:_EXPLAINED], id=request))
        return None if sent else "answers are not read"


def _check(command: ClientMessage) -> None:
    """Refuse numbers that are of the right type and make no sense."""
    if not isinstance(command, SetRoi):
        return
    centre, size = command.value.center, command.value.size
    if not all(math.isfinite(value) and abs(value) <= _FARTHEST_M for value in centre):
        raise StreamError(f"set_roi: center {list(centre)}, expected metres, at most {_FARTHEST_M:g}")
    if not all(0.0 < value <= _FARTHEST_M for value in size):
        raise StreamError(f"set_roi: size {list(size)}, expected metres, more than 0")
