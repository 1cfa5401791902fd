"""What a run was made from: code, data, rigs, versions."""

import subprocess
from pathlib import Path
from typing import Any

import lightning
import torch

import mvmono3d
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.crop_cut import CropSplits
from mvmono3d.data.splits import Splits


def provenance(
    splits: Splits | CropSplits, skeleton: Skeleton, *, experiment: str, seed: int
) -> dict[str, Any]:
    """Return plain values that say where a checkpoint comes from."""
    rigs = sorted({rig for _, store in splits.stores() for rig in store.rigs})
    return {
        "schema": SCHEMA_VERSION,
        "experiment": experiment,
        "seed": seed,
        "commit": git_commit(),
        "data_hash": splits.hash,
        "rigs_hash": sha256_of_bytes("\n".join(rigs).encode()),
        "skeleton": skeleton.name,
        "skeleton_hash": skeleton.hash,
        "version": mvmono3d.__version__,
        "torch": str(torch.__version__),
        "lightning": str(lightning.__version__),
    }


def git_commit() -> str:
    """Return the commit of the checkout, with `-dirty` where files differ; "" outside a checkout."""
    folder = Path(mvmono3d.__file__).parent
    commit = _git("rev-parse", "HEAD", folder=folder)
    changed = _git("status", "--porcelain", "--untracked-files=no", folder=folder)
    return f"{commit}-dirty" if commit and changed else commit


def _git(*arguments: str, folder: Path) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
