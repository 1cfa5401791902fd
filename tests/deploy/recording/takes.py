"""Frame sets with known content, recordings of them, and the truth to compare with."""

import datetime
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mvmono3d.deploy.recording.consent import Consent
from mvmono3d.deploy.recording.description import Description, new_description, write_description
from mvmono3d.deploy.recording.ending import write_ending
from mvmono3d.deploy.recording.frame import Frame, FrameSet, FrameStatus
from mvmono3d.deploy.recording.frame_header import header_of
from mvmono3d.deploy.recording.ledger import Column, Ledger
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.recording.writer import NumberedFrame, RecordingWriter

CAMERAS = ("front", "left", "right", "top")
PURPOSE = "gait study"
NOW = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
PERIOD_NS = 8_333_333
CONSENT = Consent(
    subject="P-017",
    given_on=datetime.date(2026, 11, 1),
    purpose=PURPOSE,
    retain_until=datetime.date(2036, 11, 1),
)
# Tests may run where little room is left.
SETTINGS = RecorderSettings(stop_below_bytes=1, stop_below_s=0.0, queue_frames=64, frame_bytes=64 * 1024)


def new_identity() -> tuple[str, str]:
    """An age identity and its public key."""
    secret: Any = import_module("pyrage").x25519.Identity.generate()
    return str(secret), str(secret.to_public())


def image(camera: str, number: int, *, bits: int = 8, height: int = 40, width: int = 56) -> np.ndarray:
    """Dark noise with a bright spot; the same for the same camera and number."""
    generator = np.random.default_rng([CAMERAS.index(camera), number, bits])
    pixels = generator.poisson(3.0, (height, width)) + 0.0
    pixels[number % height, :] = (1 << bits) - 1
    return np.clip(pixels, 0, (1 << bits) - 1).astype(np.uint8 if bits == 8 else np.uint16)


def frame_set(number: int, *, bits: int = 8, cameras=CAMERAS, height: int = 40, width: int = 56) -> FrameSet:
    time_ns = 1_000_000_000 + number * PERIOD_NS
    return FrameSet(
        number=number,
        time_ns=time_ns,
        frames=tuple(
            Frame(
                camera=camera,
                frame_id=number + 100 * CAMERAS.index(camera),
                pulse_id=number if number % 3 else None,
                device_ns=7_000_000_000 * (1 + CAMERAS.index(camera)) + number * PERIOD_NS,
                host_ns=time_ns + 4_000_000,
                exposure_ns=500_000,
                gain_db=6.5,
                status=FrameStatus.TIME_UNCERTAIN if number % 5 == 4 else FrameStatus.COMPLETE,
                bits=bits,
                image=image(camera, number, bits=bits, height=height, width=width),
            )
            for camera in cameras
        ),
    )


def sets(count: int, **shape) -> Iterator[FrameSet]:
    return (frame_set(number, **shape) for number in range(count))


def same(one: FrameSet, other: FrameSet) -> bool:
    """Whether two frame sets are equal to the last byte."""
    fields = (
        "camera",
        "frame_id",
        "pulse_id",
        "device_ns",
        "host_ns",
        "exposure_ns",
        "gain_db",
        "status",
        "bits",
    )
    return (
        (one.number, one.time_ns, len(one.frames)) == (other.number, other.time_ns, len(other.frames))
        and all(
            getattr(a, field) == getattr(b, field)
            for a, b in zip(one.frames, other.frames, strict=True)
            for field in fields
        )
        and all(
            a.image.dtype == b.image.dtype and np.array_equal(a.image, b.image)
            for a, b in zip(one.frames, other.frames, strict=True)
        )
    )


def described(folder: Path, *, cameras=CAMERAS, seal: Seal | None = None, recipients=()) -> Description:
    description = new_description(cameras, CONSENT, seal=seal, recipients=recipients, now=NOW)
    folder.mkdir(parents=True, exist_ok=True)
    write_description(folder, description)
    return description


class Writing:
    """A recorder without its process."""

    def __init__(self, folder: Path, *, settings=SETTINGS, seal=None, recipients=(), files=None):
        self.description = described(folder, seal=seal, recipients=recipients)
        self.ledger = Ledger(CAMERAS)
        self.writer = RecordingWriter(
            folder,
            session=self.description.session_bytes,
            ledger=self.ledger,
            settings=settings,
            seal=seal,
            files=files,
        )

    def write(self, frames: FrameSet) -> None:
        numbered = []
        for frame in frames.frames:
            camera = CAMERAS.index(frame.camera)
            header = header_of(
                frame,
                frames,
                session=self.description.session_bytes,
                camera=camera,
                index=int(self.ledger.counts[camera, Column.OFFERED]),
            )
            self.ledger.count(Column.OFFERED, camera)
            numbered.append(NumberedFrame(header, frame.image))
        self.writer.write(numbered)


def written(folder: Path, count: int, *, wait_s: float = 0.0, bits: int = 8, **how) -> Writing:
    """Record so many sets, and end well."""
    writing = Writing(folder, **how)
    for frames in sets(count, bits=bits):
        writing.write(frames)
        time.sleep(wait_s)
    writing.writer.close()
    write_ending(folder, writing.ledger.account())
    return writing
