"""Reads finished segments, believing nothing that a checksum doesn't cover.

Python's MCAP reader checks no checksum unless told to, and raises nine kinds of exceptions at broken files;
here there is one, `CorruptRecordingError`.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Int
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, DataEnd, Footer, MessageIndex, Statistics
from mcap.writer import MCAP0_MAGIC

from mvmono3d.errors import CorruptRecordingError

RECORD_FRONT = 9
"""Opcode and length before every record."""
MESSAGE_FRONT = RECORD_FRONT + 22
"""Bytes of a message record before its data."""
CHUNK_FRONT = 40
"""Bytes of an uncompressed chunk record between its length and its records."""

_FOOTER_BYTES = 20
_TAIL = RECORD_FRONT + _FOOTER_BYTES + len(MCAP0_MAGIC)
_DATA_END = RECORD_FRONT + 4
_LARGEST_SUMMARY = 256 << 20
_BLOCK = 4 << 20


@contextmanager
def refusing_corrupt(path: Path) -> Iterator[None]:
    """Turn whatever a broken file makes readers raise into `CorruptRecordingError`."""
    try:
        yield
    except FileNotFoundError:
        raise CorruptRecordingError(f"no segment {path}") from None
    except (McapError, struct.error, ValueError, OverflowError, KeyError, IndexError, OSError) as error:
        raise CorruptRecordingError(
            f"{path}: {error or type(error).__name__}; `mvmono3d recover {path.parent}` keeps what is right"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the checked end of a segment says."""

    topics: dict[int, str]
    counts: dict[int, int]
    chunks: tuple[ChunkIndex, ...]
    data_bytes: int
    """Where the data ends and the checked end begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offsets:
    """Where the messages of a segment begin, in the order of the file."""

    channel: Int[np.ndarray, " message"]
    time_ns: Int[np.ndarray, " message"]
    offset: Int[np.ndarray, " message"]


def read_summary(path: Path) -> Summary:
    """Read the end of a segment and check its checksum; raises `CorruptRecordingError`."""
    with refusing_corrupt(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _TAIL + len(MCAP0_MAGIC):
            raise ValueError(f"only {size} bytes")
        file.seek(size - _TAIL)
        tail = file.read(_TAIL)
        if not tail.endswith(MCAP0_MAGIC) or tail[0] != Opcode.FOOTER:
            raise ValueError("the end is missing: it was not finished")
        footer = Footer.read(ReadDataStream(BytesIO(tail[RECORD_FRONT:])))
        start, length = footer.summary_start, size - _TAIL - footer.summary_start
        if not _DATA_END < start < size or length > _LARGEST_SUMMARY:
            raise ValueError("the summary is not where the end says")
        file.seek(start)
        content = file.read(length)
        if zlib.crc32(tail[: RECORD_FRONT + _FOOTER_BYTES - 4], zlib.crc32(content)) != footer.summary_crc:
            raise ValueError("checksum of the summary is wrong")
        return _summary(content, start)


def _summary(content: bytes, start: int) -> Summary:
    topics: dict[int, str] = {}
    counts: dict[int, int] = {}
    chunks: list[ChunkIndex] = []
    for opcode, body in _records(content):
        stream = ReadDataStream(BytesIO(body))
        if opcode == Opcode.CHANNEL:
            channel = Channel.read(stream)
            topics[channel.id] = channel.topic
        elif opcode == Opcode.CHUNK_INDEX:
            chunks.append(ChunkIndex.read(stream))
        elif opcode == Opcode.STATISTICS:
            counts = dict(Statistics.read(stream).channel_message_counts)
    if any(chunk.compression for chunk in chunks):
        raise ValueError("its chunks are compressed; segments of this project's are not")
    return Summary(topics=topics, counts=counts, chunks=tuple(chunks), data_bytes=start)


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(content):
        opcode, length = struct.unpack_from("<BQ", content, position)
        position += RECORD_FRONT
        if length > len(content) - position:
            raise ValueError("a record is longer than the file")
        yield opcode, content[position : position + length]
        position += length


def read_offsets(path: Path, summary: Summary) -> Offsets:
    """Find the messages by the indexes behind the chunks; raises `CorruptRecordingError` where one lacks.

    These indexes have no checksum of their own: their number is checked here, and each entry when the
    message is read.
    """
    channels: list[int] = []
    times: list[int] = []
    offsets: list[int] = []
    with refusing_corrupt(path), path.open("rb") as file:
        for chunk in summary.chunks:
            first = chunk.chunk_start_offset + RECORD_FRONT + CHUNK_FRONT
            file.seek(chunk.chunk_start_offset + chunk.chunk_length)
            content = file.read(min(chunk.message_index_length, summary.data_bytes))
            for opcode, body in _records(content):
                if opcode != Opcode.MESSAGE_INDEX:
                    raise ValueError(f"record {opcode} where an index of messages belongs")
                index = MessageIndex.read(ReadDataStream(BytesIO(body)))
                channels += [index.channel_id] * len(index.records)
                times += [time for time, _ in index.records]
                offsets += [first + offset for _, offset in index.records]
        found = dict(zip(*(part.tolist() for part in np.unique(channels, return_counts=True)), strict=True))
        if found != {channel: count for channel, count in summary.counts.items() if count}:
            raise ValueError("the indexes name other messages than the summary counts")
        order = np.argsort(np.asarray(offsets, dtype=np.int64), kind="stable")
        return Offsets(
            channel=np.asarray(channels, dtype=np.int64)[order],
            time_ns=np.asarray(times, dtype=np.int64)[order],
            offset=np.asarray(offsets, dtype=np.int64)[order],
        )


def check_data(path: Path) -> None:
    """Read all of a finished segment and check every byte; raises `CorruptRecordingError`."""
    summary = read_summary(path)
    with refusing_corrupt(path), path.open("rb") as file:
        checksum = _checksum(file, summary.data_bytes - _DATA_END)
        end = file.read(_DATA_END)
        if end[:RECORD_FRONT] != struct.pack("<BQ", Opcode.DATA_END, 4):
            raise ValueError("the end of the data is missing")
        if DataEnd.read(ReadDataStream(BytesIO(end[RECORD_FRONT:]))).data_section_crc != checksum:
            raise ValueError("checksum of the data is wrong")


def _checksum(file: BinaryIO, length: int) -> int:
    checksum, left = 0, length
    while left:
        block = file.read(min(_BLOCK, left))
        if not block:
            raise ValueError("it ends too early")
        checksum, left = zlib.crc32(block, checksum), left - len(block)
    return checksum
