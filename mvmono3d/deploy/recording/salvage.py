"""Finds what is right in a segment that is not: every frame proves itself, so no structure is needed."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcap.exceptions import McapError
from mcap.records import Chunk, Message
from mcap.stream_reader import StreamReader, breakup_chunk

from mvmono3d.deploy.recording.frame_codec import decode_frame
from mvmono3d.deploy.recording.frame_header import HEADER_BYTES, MAGIC, FrameHeader, is_intact, parse_header
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.topics import Topics
from mvmono3d.errors import CorruptRecordingError

_LARGEST_CHUNK = 1 << 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """A message that is right."""

    channel: int
    time_ns: int
    host_ns: int
    number: int
    data: bytes
    header: FrameHeader | None = None
    """Of a frame."""


def salvage_frames(
    path: Path, *, session: bytes, topics: Topics, seal: Seal | None = None
) -> Iterator[Salvaged]:
    """Yield every frame of this session whose checksum is right and whose pixels unpack, once each.

    Without the seal, pixels that are encrypted are trusted by their checksum alone.
    """
    seen: set[tuple[int, int]] = set()
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        position = content.find(MAGIC)
        while position >= 0:
            header, data = _frame_at(
                content, position, session=session, cameras=len(topics.cameras), seal=seal
            )
            step = len(MAGIC)
            if header is not None:
                step = len(data)
                if (header.camera, header.index) not in seen:
                    seen.add((header.camera, header.index))
                    yield _salvaged(header, data, topics)
            position = content.find(MAGIC, position + step)


def _salvaged(header: FrameHeader, data: bytes, topics: Topics) -> Salvaged:
    return Salvaged(
        channel=topics.frames(header.camera),
        time_ns=header.time_ns,
        host_ns=header.host_ns,
        number=header.index,
        data=data,
        header=header,
    )


def _frame_at(
    content: mmap.mmap, position: int, *, session: bytes, cameras: int, seal: Seal | None
) -> tuple[FrameHeader | None, bytes]:
    found = parse_header(content[position : position + HEADER_BYTES])
    if found is None or found[0].session != session or found[0].camera >= cameras:
        return None, b""
    header, payload_bytes = found
    if payload_bytes > len(content) - position - HEADER_BYTES:
        return None, b""
    data = content[position : position + HEADER_BYTES + payload_bytes]
    if not is_intact(data, payload_bytes=payload_bytes):
        return None, b""
    try:
        if not header.sealed or seal is not None:
            decode_frame(data, seal=seal)
    except CorruptRecordingError:
        return None, b""
    return header, data


def salvage_messages(path: Path, *, topics: Topics) -> Iterator[Salvaged]:
    """Yield the messages beside the frames, up to where the file's structure breaks; only of whole chunks."""
    frames = {topics.frames(camera) for camera in range(len(topics.cameras))}
    known = range(1, len(topics.names) + 1)
    for chunk in _whole_chunks(path):
        for record in breakup_chunk(chunk, validate_crc=False):
            if isinstance(record, Message) and record.channel_id not in frames and record.channel_id in known:
                yield Salvaged(
                    channel=record.channel_id,
                    time_ns=record.log_time,
                    host_ns=record.publish_time,
                    number=record.sequence,
                    data=record.data,
                )


def _whole_chunks(path: Path) -> Iterator[Chunk]:
    with path.open("rb") as file:
        records = StreamReader(file, emit_chunks=True, record_size_limit=_LARGEST_CHUNK).records
        while True:
            try:
                record = next(records, None)
                if record is None:
                    return
                if isinstance(record, Chunk) and _is_whole(record):
                    yield record
            except (McapError, struct.error, ValueError, OverflowError):
                return


def _is_whole(chunk: Chunk) -> bool:
    if chunk.compression or not chunk.uncompressed_crc or len(chunk.data) != chunk.uncompressed_size:
        return False
    try:
        # Its checksum covers what is inside: if it is right, so is the structure.
        breakup_chunk(chunk, validate_crc=True)
    except (McapError, struct.error, ValueError, OverflowError):
        return False
    return True
