"""A folder that appears when it is whole, or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mvmono3d.errors import InvalidFileError


@contextmanager
def new_folder(folder: Path, *, what: str) -> Iterator[Path]:
    """Yield a folder to fill, which is then given its name.

    Raises `InvalidFileError` where it exists already or can't be written; `what` is what goes into it.
    """
    if folder.exists():
        raise InvalidFileError(f"{folder} exists; {what} go to a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
            workshop = Path(name) / "content"
            workshop.mkdir()
            yield workshop
            workshop.rename(folder)
    except OSError as error:
        raise InvalidFileError(f"{folder} can't be written: {error}") from None
