"""Pixels to recorded bytes and back, without loss: blosc2, bits shuffled together, then LZ4.

Bit planes of a noisy sensor's high bits are nearly constant, which LZ4 alone can't see. Chosen over zstd,
FFV1 and JPEG-LS for speed: one core must keep up with four cameras.
"""

from dataclasses import replace
from typing import Any

import blosc2
import numpy as np
from jaxtyping import UInt8, UInt16

from mvmono3d.deploy.recording.frame import BITS
from mvmono3d.deploy.recording.frame_header import (
    HEADER_BYTES,
    Codec,
    FrameHeader,
    described_bytes,
    framed,
    is_intact,
    parse_header,
)
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.errors import CorruptRecordingError, RecordingKeyError

# Its annotations call every option a dict.
_blosc: Any = blosc2

LARGEST_IMAGE_BYTES = 1 << 28
_LEVEL = 1


def encode_frame(
    header: FrameHeader,
    image: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"],
    *,
    seal: Seal | None = None,
) -> bytes:
    """Return a frame as it is recorded: compressed, sealed if there is a seal, with its checksum."""
    header = replace(header, codec=Codec.BITSHUFFLE_LZ4, sealed=seal is not None)
    payload = _blosc.compress2(
        np.ascontiguousarray(image),
        codec=blosc2.Codec.LZ4,
        filters=[blosc2.Filter.BITSHUFFLE],
        clevel=_LEVEL,
        typesize=image.dtype.itemsize,
        nthreads=1,
    )
    if seal is not None:
        payload = seal.close(
            payload, about=described_bytes(header), channel=header.camera, number=header.index
        )
    return framed(header, payload)


def decode_frame(
    data: bytes | memoryview, *, seal: Seal | None = None, where: str = "frame"
) -> tuple[FrameHeader, UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]]:
    """Return a recorded frame's header and pixels.

    Raises `CorruptRecordingError` where a byte differs from what was written, and `RecordingKeyError` where
    the pixels are encrypted and the key is missing or wrong.
    """
    found = parse_header(data)
    if found is None or not is_intact(data, payload_bytes=found[1]):
        raise CorruptRecordingError(f"{where}: header or checksum of the frame is wrong")
    header, payload_bytes = found
    payload = bytes(data[HEADER_BYTES : HEADER_BYTES + payload_bytes])
    if header.sealed:
        if seal is None:
            raise RecordingKeyError(
                f"{where}: the pixels are encrypted; give the identity file that opens them"
            )
        payload = seal.open(
            payload, about=described_bytes(header), channel=header.camera, number=header.index
        )
    return header, _pixels(header, payload, where)


def _pixels(header: FrameHeader, payload: bytes, where: str) -> np.ndarray:
    size = header.image_bytes
    if header.bits not in BITS or not 0 < size <= LARGEST_IMAGE_BYTES:
        raise CorruptRecordingError(f"{where}: {header.width} x {header.height} of {header.bits} bits")
    image = np.empty((header.height, header.width), dtype=np.uint8 if header.bits == 8 else np.uint16)
    claimed = len(payload) if header.codec is Codec.RAW else _claimed_bytes(payload)
    if claimed != size:
        raise CorruptRecordingError(f"{where}: {claimed} bytes of pixels, expected {size}")
    if header.codec is Codec.RAW:
        return np.frombuffer(payload, dtype=image.dtype).reshape(image.shape).copy()
    try:
        _blosc.decompress2(payload, dst=image, nthreads=1)
    except (RuntimeError, ValueError) as error:
        raise CorruptRecordingError(f"{where}: the pixels can't be unpacked: {error}") from None
    return image


def _claimed_bytes(payload: bytes) -> int:
    # Asked before anything is allocated by what the file says.
    try:
        unpacked, packed, _ = _blosc.get_cbuffer_sizes(payload)
    except (RuntimeError, ValueError):
        return -1
    return unpacked if packed == len(payload) else -1
