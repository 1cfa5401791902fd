"""Single messages of a finished segment, by number, each checked against the index that names it."""

import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from mcap.opcode import Opcode

from mvmono3d.deploy.recording.frame_codec import LARGEST_IMAGE_BYTES
from mvmono3d.deploy.recording.frame_header import HEADER_BYTES, FrameHeader, parse_header
from mvmono3d.deploy.recording.segment_file import MESSAGE_FRONT, read_offsets, read_summary, refusing_corrupt
from mvmono3d.errors import CorruptRecordingError

_FRONT = struct.Struct("<BQHIQQ")
_LARGEST = LARGEST_IMAGE_BYTES + (1 << 16)


class RawMessage(NamedTuple):
    """A message as it is recorded."""

    channel: int
    time_ns: int
    host_ns: int
    number: int
    data: bytes


class SegmentReader:
    """Reads a segment whose end is right; raises `CorruptRecordingError` for any other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        summary = read_summary(path)
        self.topics = summary.topics
        self.offsets = read_offsets(path, summary)

    def of_topic(self, topic: str) -> Int[np.ndarray, " message"]:
        """Numbers of the messages of a topic, in the order of the file."""
        channels = [channel for channel, name in self.topics.items() if name == topic]
        return np.flatnonzero(np.isin(self.offsets.channel, channels))

    def message(self, number: int) -> RawMessage:
        """Read a message."""
        with refusing_corrupt(self.path), self.path.open("rb", buffering=0) as file:
            front = self._front(file.fileno(), number)
            offset = int(self.offsets.offset[number]) + MESSAGE_FRONT
            data = os.pread(file.fileno(), front[1] - (MESSAGE_FRONT - 9), offset)
            return RawMessage(front[2], front[4], front[5], front[3], data)

    def headers(self, numbers: Int[np.ndarray, " message"]) -> list[FrameHeader]:
        """Read only the headers of frames; their checksums are not looked at."""
        found: list[FrameHeader] = []
        with refusing_corrupt(self.path), self.path.open("rb", buffering=0) as file:
            for number in numbers.tolist():
                self._front(file.fileno(), number)
                offset = int(self.offsets.offset[number]) + MESSAGE_FRONT
                header = parse_header(os.pread(file.fileno(), HEADER_BYTES, offset))
                if header is None:
                    raise ValueError(f"message {number} is not a frame")
                found.append(header[0])
        return found

    def _front(self, handle: int, number: int) -> tuple[int, ...]:
        offset = int(self.offsets.offset[number])
        front = _FRONT.unpack(os.pread(handle, MESSAGE_FRONT, offset))
        named = (Opcode.MESSAGE, int(self.offsets.channel[number]), int(self.offsets.time_ns[number]))
        if (front[0], front[2], front[4]) != named or not MESSAGE_FRONT - 9 <= front[1] <= _LARGEST:
            raise CorruptRecordingError(f"{self.path}: no message where the index names message {number}")
        return front
