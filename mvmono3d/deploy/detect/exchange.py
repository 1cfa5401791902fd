"""Between the loop and the detector's process: a question to look, an answer with joints.

Both lie in mailboxes, so that only the newest counts, and each end may die and come back.
"""

import os
import select
from typing import Generic, TypeVar

import msgspec
import numpy as np

from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.deploy.ring.pipe import drain_pipe, open_pipe, write_pipe
from mvmono3d.deploy.server.mailbox import MailboxWriter
from mvmono3d.deploy.server.mailbox_watch import MailboxWatch
from mvmono3d.deploy.server.messages import Cloud, Images

_SLOT_BYTES = 1 << 18
_LARGE_BYTES = 1 << 21


class WindowsPart(msgspec.Struct, frozen=True, array_like=True):
    """`Windows` as it travels."""

    centre_px: list[list[float]]
    side_px: list[float]
    known: list[bool]
    turn_rad: list[float]
    turn_known: list[bool]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Look at a frame set of the ring."""

    number: int
    """Of the set."""
    windows: list[WindowsPart]
    search: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen in it."""

    number: int
    joints: list[list[list[list[float]]]] = []
    """Candidate, view, joint, then u v sigma confidence visible."""
    looked_ms: float = 0.0
    """How long looking took."""
    error: str = ""
    """Why nothing could be seen; empty where it could."""


class JointsPart(msgspec.Struct, frozen=True, kw_only=True):
    """The 2D joints of one actor that an answer was made of, for who watches the rig."""

    time_ns: int
    joints: list[list[list[float]]]
    """View, joint, then u v confidence; confidence 0: not detected."""


Sent = TypeVar("Sent", Ask, Answer, Images, Cloud, JointsPart)


class Outlet(Generic[Sent]):
    """The writing end of one direction. Raises `InvalidFileError` where another process writes it."""

    def __init__(self, name: str, *, slot_bytes: int = _SLOT_BYTES) -> None:
        self._box, self._pipe = MailboxWriter(name, slot_bytes=slot_bytes), open_pipe(f"{name}.wake")
        self._encoder = msgspec.msgpack.Encoder()

    def put(self, message: Sent) -> None:
        """Replace what the other end will find, and wake it."""
        self._box.put(self._encoder.encode(message))
        write_pipe(self._pipe, b"\0")

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._pipe >= 0:
            self._box.close()
            os.close(self._pipe)
            self._pipe = -1


class Inlet(Generic[Sent]):
    """The reading end of one direction; the other end may come later, go, and come again."""

    def __init__(self, name: str, kind: type[Sent]) -> None:
        self._pipe = open_pipe(f"{name}.wake")
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._box = MailboxWatch(name)

    def take(self, wait_s: float) -> Sent | None:
        """Return the newest message that was not taken yet; waits until one comes, so long at most."""
        found = self._newest()
        if found is None and select.select([self._pipe], [], [], wait_s)[0]:
            found = self._newest()
        return found

    @property
    def writer_lives(self) -> bool:
        """Say whether the other end is there."""
        return self._box.writer_lives

    def close(self) -> None:
        """Let go; safe to call twice."""
        self._box.close()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _newest(self) -> Sent | None:
        drain_pipe(self._pipe)
        content = self._box.take()
        return None if content is None else self._decoder.decode(content)


def ask_name(name: str) -> str:
    """Where the loop of a rig asks."""
    return f"{name}.look"


def answer_name(name: str) -> str:
    """Where its detector answers."""
    return f"{name}.seen"


def joints_name(name: str) -> str:
    """Where the loop puts the joints that it worked with."""
    return f"{name}.joints"


def preview_name(name: str) -> str:
    """Where its small pictures lie."""
    return f"{name}.previews"


def preview_outlet(name: str) -> Outlet[Images]:
    """Return the end that puts pictures there."""
    return Outlet(preview_name(name), slot_bytes=_LARGE_BYTES)


def cloud_name(name: str) -> str:
    """Where its clouds lie for the loop, which publishes them."""
    return f"{name}.carved"


def cloud_outlet(name: str) -> Outlet[Cloud]:
    """Return the end that puts clouds there."""
    return Outlet(cloud_name(name), slot_bytes=_LARGE_BYTES)


def windows_part(windows: Windows) -> WindowsPart:
    """Return windows as they travel."""
    return WindowsPart(**{name: getattr(windows, name).tolist() for name in WindowsPart.__struct_fields__})


def windows_of(part: WindowsPart) -> Windows:
    """Return windows as they were."""
    return Windows(**{name: np.array(getattr(part, name)) for name in WindowsPart.__struct_fields__})


def joints_part(seen: Sighting) -> list[list[list[list[float]]]]:
    """Return what was seen as it travels."""
    parts = (seen.pixels, seen.sigma_px[..., None], seen.confidence[..., None], seen.visible[..., None])
    return np.concatenate(parts, axis=-1).tolist()


def sighting_of(joints: list[list[list[list[float]]]], *, views: int, count: int) -> Sighting:
    """Return what was seen, of so many views and joints."""
    if not joints:
        return Sighting.nothing(views, count)
    table = np.array(joints)
    return Sighting(
        pixels=table[..., :2], sigma_px=table[..., 2], confidence=table[..., 3], visible=table[..., 4]
    )
