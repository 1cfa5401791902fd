"""The bytes before the pixels of every recorded frame; they say all about it, and prove it.

Little endian, fixed size. The last field is the CRC-32 of the header before it and the payload, so that a
frame stands for itself: it can be found and trusted in a file whose structure is gone. The session keeps
apart what two recordings wrote to the same disk blocks.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from mvmono3d.deploy.recording.frame import Frame, FrameSet, FrameStatus

MAGIC = b"MVM3DFR1"
SESSION_BYTES = 8

_LAYOUT = struct.Struct("<8s8sHBBHHIIQQQqqqqqf")
_SIZE = struct.Struct("<I")
_CRC = struct.Struct("<I")
HEADER_BYTES = _LAYOUT.size + _SIZE.size + _CRC.size

_PULSE_KNOWN, _SEALED = 1, 2


class Codec(IntEnum):
    """How the pixels are stored."""

    RAW = 0
    BITSHUFFLE_LZ4 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """All about a frame but its pixels; `Frame` says what the fields mean."""

    session: bytes
    camera: int
    """Number of the camera in `recording.toml`."""
    index: int
    """Counts what this camera offered to the recording, from 0: a gap is a lost frame."""
    set_number: int
    time_ns: int
    """Of the frame set, by the rig's clock."""
    frame_id: int
    pulse_id: int | None
    device_ns: int
    host_ns: int
    exposure_ns: int
    gain_db: float
    status: int
    bits: int
    height: int
    width: int
    codec: Codec = Codec.RAW
    sealed: bool = False

    @property
    def image_bytes(self) -> int:
        """Size of the pixels as an array."""
        return self.height * self.width * (1 if self.bits == 8 else 2)


def header_of(frame: Frame, within: FrameSet, *, session: bytes, camera: int, index: int) -> FrameHeader:
    """Return the header of a frame of a set, not yet encoded."""
    height, width = frame.image.shape
    return FrameHeader(
        session=session,
        camera=camera,
        index=index,
        set_number=within.number,
        time_ns=within.time_ns,
        frame_id=frame.frame_id,
        pulse_id=frame.pulse_id,
        device_ns=frame.device_ns,
        host_ns=frame.host_ns,
        exposure_ns=frame.exposure_ns,
        gain_db=frame.gain_db,
        status=frame.status,
        bits=frame.bits,
        height=height,
        width=width,
    )


def described_bytes(header: FrameHeader) -> bytes:
    """Return the header without sizes and checksum: what encryption authenticates beside the pixels."""
    flags = (_PULSE_KNOWN if header.pulse_id is not None else 0) | (_SEALED if header.sealed else 0)
    return _LAYOUT.pack(
        MAGIC,
        header.session,
        header.camera,
        header.bits,
        header.codec,
        header.status,
        flags,
        header.height,
        header.width,
        header.index,
        header.set_number,
        header.frame_id,
        header.pulse_id or 0,
        header.device_ns,
        header.time_ns,
        header.host_ns,
        header.exposure_ns,
        header.gain_db,
    )


def framed(header: FrameHeader, payload: bytes) -> bytes:
    """Return header, sizes, checksum and payload as they are recorded."""
    front = described_bytes(header) + _SIZE.pack(len(payload))
    return b"".join((front, _CRC.pack(zlib.crc32(payload, zlib.crc32(front))), payload))


def parse_header(data: bytes | memoryview) -> tuple[FrameHeader, int] | None:
    """Return the header at the start of the bytes and its payload's size, or None where there is none."""
    if len(data) < HEADER_BYTES or bytes(data[: len(MAGIC)]) != MAGIC:
        return None
    fields = _LAYOUT.unpack_from(data)
    flags, codec, status = fields[6], fields[4], fields[5]
    if codec not in set(Codec) or status not in set(FrameStatus) or flags & ~(_PULSE_KNOWN | _SEALED):
        return None
    header = FrameHeader(
        session=fields[1],
        camera=fields[2],
        bits=fields[3],
        codec=Codec(codec),
        status=status,
        sealed=bool(flags & _SEALED),
        height=fields[7],
        width=fields[8],
        index=fields[9],
        set_number=fields[10],
        frame_id=fields[11],
        pulse_id=fields[12] if flags & _PULSE_KNOWN else None,
        device_ns=fields[13],
        time_ns=fields[14],
        host_ns=fields[15],
        exposure_ns=fields[16],
        gain_db=fields[17],
    )
    return header, _SIZE.unpack_from(data, _LAYOUT.size)[0]


def is_intact(data: bytes | memoryview, *, payload_bytes: int) -> bool:
    """Say whether a frame's bytes, header first, are those that were written."""
    end = HEADER_BYTES + payload_bytes
    if len(data) < end:
        return False
    front = HEADER_BYTES - _CRC.size
    checksum = zlib.crc32(data[HEADER_BYTES:end], zlib.crc32(data[:front]))
    return checksum == _CRC.unpack_from(data, front)[0]
