"""Run the tiny task in this process: what train.py calls, without its start-up time."""

from pathlib import Path

from hydra import compose, initialize_config_dir

from mvmono3d.training.fit import run
from tests.training.runs import ROOT, TINY


def train_here(folder: Path, *overrides: str) -> Path:
    """Train and return the folder of the run."""
    places = (f"paths.run={folder}/run", f"paths.cache={folder}/cache")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        searchpath = f"hydra.searchpath=[file://{ROOT}/tests/training/conf]"
        skeleton = f"skeleton_file={ROOT}/tests/training/stick.yaml"
        config = compose("train", overrides=[searchpath, *TINY[1:], skeleton, *places, *overrides])
    run(config)
    return folder / "run"
