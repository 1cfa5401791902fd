"""A recording as folders of PNG files, one per camera, and a table of what is known of each frame."""

from pathlib import Path

import cv2

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.recording.frame import Frame
from mvmono3d.deploy.recording.frames_table import TABLE, FramesTable
from mvmono3d.deploy.recording.new_folder import new_folder
from mvmono3d.deploy.recording.reader import Recording


def write_pictures(recording: Recording, folder: Path) -> int:
    """Write `CAMERA/NNNNNNNN.png` for each frame and `frames.csv`; returns the number of pictures.

    Pixels stay as they are: 8 bits, or 16 with the values in the low bits. The folder appears when it is
    whole. Raises `InvalidFileError` where it exists already or can't be written.
    """
    table = FramesTable()
    with new_folder(folder, what="pictures") as workshop:
        for camera in recording.cameras:
            (workshop / camera).mkdir()
        for number, frames in enumerate(recording):
            for frame in frames.frames:
                name = f"{frame.camera}/{number:08d}.png"
                _write_image(workshop / name, frame)
                table.add(name, 0, frames, frame)
        with atomic_write(workshop / TABLE) as file:
            file.write(table.content())
    return table.rows


def _write_image(path: Path, frame: Frame) -> None:
    encoded, png = cv2.imencode(".png", frame.image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not encoded:
        raise OSError(f"no PNG of {frame.image.shape} {frame.image.dtype}")
    path.write_bytes(png.tobytes())
