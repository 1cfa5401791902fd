"""What the contract tests look at: the files of this checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python_files(*folders: str) -> list[Path]:
    """Every Python file of the given folders and, where it exists, train.py."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return files + [path for path in (ROOT / "train.py",) if path.exists()]


def name_of(path: Path) -> str:
    """Path from the root of the checkout, for messages."""
    return path.relative_to(ROOT).as_posix()
