"""What a client has not had yet: one place per kind of message, newest wins."""

import asyncio
from collections import deque
from collections.abc import Iterator

import msgspec

from mvmono3d.deploy.server.messages import Message, ServerMessage
from mvmono3d.deploy.server.wire import Format, decode, encode

_REPLIES = 16


class _Number(msgspec.Struct):
    """The part of a message that its acknowledgement repeats."""

    seq: int | None = None
    id: int | None = None
    t_ns: int = 0


_NUMBERS = msgspec.msgpack.Decoder(_Number)


class Parcel:
    """A message in every format that somebody asked for; all clients share it."""

    __slots__ = ("_bytes", "_message", "number")

    def __init__(self, content: bytes) -> None:
        found = _NUMBERS.decode(content)
        self.number = next(value for value in (found.seq, found.id, found.t_ns) if value is not None)
        """`seq` of a pose, `id` of a cloud, `t_ns` of images: what `ack` names."""
        self._bytes: dict[Format, bytes] = {Format.MSGPACK: content}
        self._message: ServerMessage | None = None

    def bytes_as(self, format: Format) -> bytes:
        """Return the message in a format; written once, however many clients want it."""
        if format not in self._bytes:
            if self._message is None:
                self._message = decode(self._bytes[Format.MSGPACK], Format.MSGPACK)
            self._bytes[format] = encode(self._message, format)
        return self._bytes[format]


class Outbox:
    """What waits for one client: replies in order, then the newest hello, status and pose (or cloud, images).

    With credit, the last kind waits until enough of what was sent is acknowledged.
    """

    def __init__(self, format: Format) -> None:
        self.format = format
        self._replies: deque[bytes] = deque()
        self._said: list[bytes | None] = [None, None]
        self._newest: Parcel | None = None
        self._credit: int | None = None
        self._unacknowledged: deque[int] = deque()
        self._changed = asyncio.Event()

    def reply(self, message: Message) -> bool:
        """Queue an answer to the client's message; false where too many wait already."""
        if len(self._replies) >= _REPLIES:
            return False
        self._replies.append(encode(message, self.format))
        self._changed.set()
        return True

    def say(self, place: int, parcel: Parcel) -> None:
        """Replace the hello (place 0) or the status (place 1) that waits."""
        self._said[place] = parcel.bytes_as(self.format)
        self._changed.set()

    def offer(self, parcel: Parcel) -> None:
        """Replace the pose, cloud or images that wait."""
        self._newest = parcel
        self._changed.set()

    def subscribe(self, credit: int | None) -> None:
        """Change to credit, or back to push; what was sent before needs no acknowledgement."""
        self._credit = credit
        self._unacknowledged.clear()
        self._changed.set()

    def acknowledge(self, number: int) -> None:
        """Free the credit of this message and of those sent before it; unknown ones change nothing."""
        if number in self._unacknowledged:
            while self._unacknowledged.popleft() != number:
                pass
            self._changed.set()

    async def wait(self) -> None:
        """Return when something may be sent."""
        await self._changed.wait()
        self._changed.clear()

    def take(self) -> Iterator[tuple[bytes, bool]]:
        """Yield what may be sent now, and whether it is the newest pose (cloud, images)."""
        for place, content in enumerate(self._said):
            if content is not None:
                self._said[place] = None
                yield content, False
        while self._replies:
            yield self._replies.popleft(), False
        parcel = self._newest
        if parcel is None or (self._credit is not None and len(self._unacknowledged) >= self._credit):
            return
        self._newest = None
        if self._credit is not None:
            self._unacknowledged.append(parcel.number)
        yield parcel.bytes_as(self.format), True
