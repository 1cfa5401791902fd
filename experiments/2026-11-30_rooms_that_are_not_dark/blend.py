"""Mean of the weights of two trainings, the second begun from the first: a folder that can be exported.

python experiments/2026-11-30_rooms_that_are_not_dark/blend.py FIRST.ckpt SECOND.ckpt SHARE OUT

OUT is a new folder; SHARE is how much of the second goes into it, from 0 to 1. Wortsman et al., Robust
fine-tuning of zero-shot models, 2022.
"""

import shutil
import sys
from hashlib import sha256
from pathlib import Path

import torch


def blend(first: Path, second: Path, share: float, out: Path) -> None:
    """Write best.ckpt, its hash, and the second training's configuration."""
    one, other = (torch.load(path, map_location="cpu", weights_only=True) for path in (first, second))
    mean = {
        name: torch.lerp(one["state_dict"][name].double(), weight.double(), share).to(weight.dtype)
        for name, weight in other["state_dict"].items()
    }
    out.mkdir(parents=True)
    shutil.copy(second.parent.parent / "config.yaml", out)
    torch.save(other | {"state_dict": mean}, out / "best.ckpt")
    digest = sha256((out / "best.ckpt").read_bytes()).hexdigest()
    (out / "best.ckpt.sha256").write_text(f"{digest}  best.ckpt\n")


if __name__ == "__main__":
    blend(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
