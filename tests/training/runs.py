"""Run train.py as a user does, on the tiny task."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TINY = ("hydra.searchpath=[file://tests/training/conf]", "experiment=tiny")


def command(folder: Path, *overrides: str) -> list[str]:
    places = (f"paths.logs={folder}/logs", f"paths.cache={folder}/cache")
    return [sys.executable, "train.py", *TINY, *places, *overrides]


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT))))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}


def train(folder: Path, *overrides: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(folder, *overrides), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def run_folder(folder: Path, name: str = "tiny") -> Path:
    (found,) = (folder / "logs" / name / "runs").iterdir()
    return found
