"""The board in a recording: frame sets of the rig become the sightings that a calibration is made of."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import UInt8

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.detect import find_corners
from mvmono3d.calibration.examine import ExaminedPicture
from mvmono3d.calibration.gather import assemble, check_board
from mvmono3d.calibration.inputs import MOST_FRAMES
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.deploy.recording.frame import Frame
from mvmono3d.deploy.recording.reader import Recording
from mvmono3d.errors import InvalidFileError

_CANDIDATES_PER_FRAME = 4


def sightings_from_recording(
    recording: Recording, board: Board, *, most_frames: int = MOST_FRAMES, threads: int | None = None
) -> BoardSightings:
    """Find the board in a recording: four times `most_frames` sets, evenly over it.

    Frames of one set are one pose; its label is the set's place in the recording, its times are those of
    the rig's clock. Raises `InvalidFileError` where a camera never sees the board.
    """
    where = str(recording.folder)
    check_board(board, cameras=recording.cameras, where=where)
    if not len(recording):
        raise InvalidFileError(f"{where} holds no frame: nothing to calibrate from")
    picked = np.unique(
        np.linspace(0, len(recording) - 1, min(len(recording), most_frames * _CANDIDATES_PER_FRAME)).round()
    ).astype(np.int64)
    # OpenCV lets other threads run while it looks.
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        rows = list(pool.map(lambda number: _examined(recording, int(number), board), picked))
    times = np.repeat(recording.time_ns[picked][:, None], len(recording.cameras), axis=1)
    present = np.array([[picture is not None for picture in row] for row in rows])
    return assemble(
        rows,
        board,
        cameras=recording.cameras,
        labels=tuple(map(str, picked.tolist())),
        where=where,
        time_ns=np.where(present, times, 0),
    )


def eight_bits(frame: Frame) -> UInt8[np.ndarray, "height width"]:
    """Return a frame's upper eight bits."""
    return frame.image if frame.bits == 8 else (frame.image >> (frame.bits - 8)).astype(np.uint8)


def _examined(recording: Recording, number: int, board: Board) -> list[ExaminedPicture | None]:
    there = {frame.camera: _picture(frame, board) for frame in recording[number].frames}
    return [there.get(camera) for camera in recording.cameras]


def _picture(frame: Frame, board: Board) -> ExaminedPicture:
    height, width = frame.image.shape
    return ExaminedPicture(corners=find_corners(eight_bits(frame), board), size_px=(width, height))
