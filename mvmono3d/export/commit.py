"""Which state of the source a bundle was written with."""

import subprocess
from pathlib import Path

UNKNOWN = "unknown"


def current_commit() -> str:
    """Return the commit of the checkout this package runs from, with "-dirty" when files differ from it."""
    folder = Path(__file__).resolve().parent
    commit = _git("rev-parse", "HEAD", folder=folder)
    if commit is None:
        return UNKNOWN
    return (
        f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no", folder=folder) else commit
    )


def _git(*arguments: str, folder: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
