"""Named pipes beside memory: they wake whoever waits, and never hold anybody up."""

import errno
import os
import stat
from pathlib import Path

from mvmono3d.deploy.ring.memory import path_of
from mvmono3d.errors import InvalidFileError


def open_pipe(name: str) -> int:
    """Open a named pipe for both directions: so it neither blocks nor ends with the other process.

    Raises `InvalidFileError` where something else has its name.
    """
    path: Path = path_of(name)
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not _is_pipe(path.lstat()):
            raise InvalidFileError(
                f"{path} is no pipe of this user: delete it, or choose another name"
            ) from None
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def find_pipe(name: str) -> int:
    """Open a named pipe that somebody else has made; -1 where nobody has."""
    try:
        pipe = os.open(path_of(name), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return -1
    if _is_pipe(os.fstat(pipe)):
        return pipe
    os.close(pipe)
    return -1


def _is_pipe(found: os.stat_result) -> bool:
    return stat.S_ISFIFO(found.st_mode) and found.st_uid == os.geteuid()


def write_pipe(pipe: int, content: bytes) -> bool:
    """Write in one piece; false where the pipe is full (then its reader is awake already)."""
    try:
        os.write(pipe, content)
        return True
    except BlockingIOError:
        return False


def drain_pipe(pipe: int) -> bytes:
    """Return all that lies in a pipe."""
    parts: list[bytes] = []
    while True:
        try:
            parts.append(os.read(pipe, 1 << 16))
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            return b"".join(parts)


def remove_pipes(name: str) -> None:
    """Delete the pipes of a rig (NAME.…) once nobody uses them any more."""
    ring = path_of(name)
    for path in ring.parent.glob(f"{ring.name}.*"):
        if stat.S_ISFIFO(path.lstat().st_mode):
            path.unlink(missing_ok=True)
