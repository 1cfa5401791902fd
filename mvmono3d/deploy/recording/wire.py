"""How frames and messages lie in the slots of the queue."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from jaxtyping import UInt8

from mvmono3d.deploy.recording.frame_header import HEADER_BYTES, FrameHeader, described_bytes, parse_header
from mvmono3d.deploy.recording.writer import NumberedFrame

_MESSAGE = b"MVM3DMSG"
_UNSENT = HEADER_BYTES


class SideMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message beside the frames."""

    topic: str
    time_ns: int
    content: msgspec.Raw


class FrameGroup(NamedTuple):
    """Frames of one set, and how many slots they take."""

    frames: tuple[NumberedFrame, ...]
    slots: int


def frame_parts(header: FrameHeader, image: np.ndarray) -> tuple[bytes | np.ndarray, ...]:
    """Return a frame as a slot holds it: header, then pixels as they are."""
    front = described_bytes(header).ljust(_UNSENT, b"\0")
    return front, np.ascontiguousarray(image).reshape(-1).view(np.uint8)


def message_parts(topic: str, content: bytes, *, time_ns: int) -> tuple[bytes, ...]:
    """Return a JSON message as a slot holds it."""
    body = msgspec.json.encode(SideMessage(topic=topic, time_ns=time_ns, content=msgspec.Raw(content)))
    return _MESSAGE, len(body).to_bytes(8, "little"), body


def unpacked(slots: Iterable[UInt8[np.ndarray, " byte"]]) -> Iterator[FrameGroup | SideMessage]:
    """Yield what the slots hold, frames of one set together; images are views of the slots."""
    group: list[NumberedFrame] = []
    for slot in slots:
        item = _read(slot)
        ends = isinstance(item, SideMessage) or (
            group and item.header.set_number != group[0].header.set_number
        )
        if group and ends:
            yield FrameGroup(tuple(group), len(group))
            group = []
        if isinstance(item, SideMessage):
            yield item
        else:
            group.append(item)
    if group:
        yield FrameGroup(tuple(group), len(group))


def _read(slot: UInt8[np.ndarray, " byte"]) -> NumberedFrame | SideMessage:
    front = slot[:HEADER_BYTES].tobytes()
    if front.startswith(_MESSAGE):
        start = len(_MESSAGE) + 8
        size = int.from_bytes(front[len(_MESSAGE) : start], "little")
        return msgspec.json.decode(slot[start : start + size].tobytes(), type=SideMessage)
    found = parse_header(front)
    if found is None:
        raise ValueError("a slot of the queue holds neither a frame nor a message")
    header, _ = found
    pixels = slot[HEADER_BYTES : HEADER_BYTES + header.image_bytes]
    image = pixels.view(np.uint8 if header.bits == 8 else np.uint16).reshape(header.height, header.width)
    return NumberedFrame(header, image)
