"""Where the files that ship with the package lie: inside it when installed, beside it in a checkout."""

from pathlib import Path

from mvmono3d.errors import InvalidFileError

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_folder(*parts: str) -> Path:
    """Return a shipped folder such as `("conf", "skeleton")`; raises `InvalidFileError` when absent."""
    for base in (_PACKAGE / "resources", _PACKAGE.parent):
        folder = base.joinpath(*parts)
        if folder.is_dir():
            return folder
    raise InvalidFileError(f"the installation lacks the folder {'/'.join(parts)!r}: reinstall mvmono3d")
