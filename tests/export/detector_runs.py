"""A joint network's training folder as an export finds it: small, untrained, with crops beside it."""

from pathlib import Path
from typing import Any

import torch
import yaml

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.schema import sha256_of_file
from mvmono3d.detection.net import JointNet
from mvmono3d.export.saved_run import build
from tests.data.crop_source import spotted_store

SIZE = 64


def detector_config(folder: Path, *, width: int = 16) -> dict[str, Any]:
    content = yaml.safe_load((resource_folder("conf", "skeleton") / "hand21.yaml").read_text())
    skeleton = _call("core.skeleton_file.parse_skeleton", content=content, where="skeleton")
    net = _call("detection.net.JointNet", skeleton=skeleton, width=width, blocks=[1, 1, 1], size=SIZE)
    jitter = _call(
        "data.crop_cut.CropJitter",
        side=0.8,
        side_range=0.2,
        shift=0.05,
        turn_rad=0.5,
        upright=True,
        any_turn_share=0.1,
        mirrored_share=0.0,
    )
    source = _call("data.stored_crops.StoredCrops", folder=str(folder / "crops"), skeleton=skeleton)
    return {
        "name": "detector",
        "seed": 0,
        "trainer": {"max_epochs": 1},
        "skeleton": content,
        "task": {"net": net},
        "data": {"source": source, "jitter": jitter},
    }


def write_detector_run(folder: Path, *, width: int = 16) -> Path:
    """Write a run's folder and return the checkpoint in it."""
    for seed, name in enumerate(("train", "val", "test")):
        spotted_store(folder / "crops" / name, 12, seed=seed, subject=name)
    content = detector_config(folder, width=width)
    torch.manual_seed(0)
    net: JointNet = build(content["task"]["net"], where="test")
    # Statistics that are not those of the start: normalisation has to be carried over.
    net.train()(torch.rand(8, 1, SIZE, SIZE))
    path = folder / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    torch.save({"state_dict": weights, "epoch": 1, "global_step": 10}, path)
    path.with_name("best.ckpt.sha256").write_text(f"{sha256_of_file(path)}  best.ckpt\n")
    return path


def _call(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"mvmono3d.{target}", **arguments}
