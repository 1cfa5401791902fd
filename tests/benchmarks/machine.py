"""What a measurement ran on: said on every page of numbers."""

import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def commit(*watched):
    """Return the short commit, and whether what is `watched` (all, if nothing) differs from it."""
    changed = git("status", "--porcelain", "--untracked-files=no", *watched)
    return git("rev-parse", "--short", "HEAD") + (" with local changes" if changed else "")


def git(*arguments):
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def processor():
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()
