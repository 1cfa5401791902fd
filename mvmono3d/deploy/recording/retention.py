"""Deletes recordings whose time is over: the key first, so that what is left of them can't be opened."""

import datetime
import shutil
from pathlib import Path

import msgspec

from mvmono3d.deploy.recording.description import DESCRIPTION, read_description, write_description
from mvmono3d.deploy.recording.files import OsFiles
from mvmono3d.deploy.recording.recover import DAMAGED, WORKSHOP
from mvmono3d.deploy.recording.segment import segment_number
from mvmono3d.errors import RecordingError

_RIG = "rig.toml"


def expired(folder: Path, *, today: datetime.date) -> tuple[Path, ...]:
    """Return the recordings below a folder whose consent ended or was withdrawn."""
    recordings = sorted(path.parent for path in folder.rglob(DESCRIPTION))
    return tuple(recording for recording in recordings if _is_over(recording, today))


def _is_over(recording: Path, today: datetime.date) -> bool:
    consent = read_description(recording).consent
    return consent.retain_until < today or consent.withdrawn_on is not None


def erase(recording: Path) -> None:
    """Delete a recording; done again after an interruption, it ends the same.

    Files that are not of a recording stay, and the folder with them. Raises `RecordingError` where a file
    can't be deleted, and `InvalidFileError` where this is no recording.
    """
    description = read_description(recording)
    files = OsFiles()
    try:
        if description.encryption is not None:
            write_description(recording, msgspec.structs.replace(description, encryption=None))
        for path in sorted(recording.iterdir()):
            if path.is_file() and segment_number(path) is not None:
                path.unlink()
        for name in (DAMAGED, WORKSHOP):
            if (recording / name).is_dir():
                shutil.rmtree(recording / name)
        (recording / _RIG).unlink(missing_ok=True)
        files.sync_folder(recording)
        # The last of all: without it nobody would know that there is still something to delete.
        (recording / DESCRIPTION).unlink()
        files.sync_folder(recording)
        if not any(recording.iterdir()):
            recording.rmdir()
            files.sync_folder(recording.resolve().parent)
    except OSError as error:
        raise RecordingError(f"{recording} is not erased yet: {error}; call it again") from None
