"""Recordings of a board with known pictures."""

from functools import cache

import numpy as np

from mvmono3d.deploy.recording.frame import Frame, FrameSet
from mvmono3d.deploy.recording.reader import open_recording
from tests.calibration.printed import CHARUCO, POSES, photograph
from tests.deploy.recording.takes import CAMERAS, PERIOD_NS, Writing

BOARD = """[board]
kind = "charuco"
squares = [7, 5]
square_mm = 30.0
marker_mm = 22.5
dictionary = "DICT_5X5_100"
"""


@cache
def picture(pose: int, camera: int) -> np.ndarray:
    first, second, third = POSES[pose]
    return photograph(CHARUCO, (first, second, third + 0.3 * camera))[0]


def pictures(poses: int = 3) -> list[list[np.ndarray]]:
    """By set and camera; each camera sees the board from elsewhere."""
    return [[picture(pose, camera) for camera in range(len(CAMERAS))] for pose in range(poses)]


def recorded(folder, rows, *, bits=8):
    writing = Writing(folder)
    for number, row in enumerate(rows):
        frames = tuple(
            Frame(
                camera=name, frame_id=number, pulse_id=None, device_ns=number, host_ns=number, bits=bits,
                exposure_ns=500_000, gain_db=0.0,
                image=image if bits == 8 else image.astype(np.uint16) << (bits - 8),
            )
            for name, image in zip(CAMERAS, row, strict=True)
            if image is not None
        )  # fmt: skip
        writing.write(FrameSet(number=number, time_ns=10**18 + number * PERIOD_NS, frames=frames))
    writing.writer.close()
    return open_recording(folder)
