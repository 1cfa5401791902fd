"""A training's folder as an export finds it: configuration, checkpoint, hash. Small, untrained."""

from pathlib import Path
from typing import Any

import torch
import yaml

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.schema import sha256_of_file
from mvmono3d.export.saved_run import build
from mvmono3d.pipeline.reconstructor import Reconstructor

MADE_FROM = {"experiment": "tiny", "seed": 3, "commit": "0123abc", "data_hash": "feed"}


def config() -> dict[str, Any]:
    """A resolved configuration; only what an export reads."""
    content = yaml.safe_load((resource_folder("conf", "skeleton") / "hand21.yaml").read_text())
    skeleton = _call("core.skeleton_file.parse_skeleton", content=content, where="skeleton")
    reconstructor = _call(
        "pipeline.reconstructor.Reconstructor",
        skeleton=skeleton,
        horizon_s=2.0,
        occlusion=_call("occlusion.net.OcclusionNet", skeleton=skeleton, width=6),
        triangulation=_call("triangulation.net.ViewWeights", width=4, prior_sigma=0.3),
        prior=_call("prior.net.PriorNet", skeleton=skeleton, width=8),
        imputation=_call(
            "imputation.imputer.Imputer",
            net=_call("imputation.net.ImputationNet", skeleton=skeleton, width=4, embedding=2),
            bones=_call("imputation.bones.BoneConstancy", skeleton=skeleton, sweeps=2, tolerance=2.5e-5),
        ),
    )
    return {"name": "tiny", "skeleton": content, "task": {"reconstructor": reconstructor}}


def _call(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"mvmono3d.{target}", **arguments}


def reconstructor() -> Reconstructor:
    """An untrained network that knows the size of a hand and the noise of a detector."""
    torch.manual_seed(0)
    made: Reconstructor = build(config()["task"]["reconstructor"], where="test")
    made.units.unit_m.fill_(0.1)
    made.units.noise_px.fill_(3.0)
    made.units.bone_length.fill_(0.4)
    return made.eval()


def write_run(folder: Path) -> Path:
    """Write a run's folder and return the checkpoint in it."""
    path = folder / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config(), sort_keys=False))
    weights = {f"reconstructor.{name}": value for name, value in reconstructor().state_dict().items()}
    best = {"monitor": "val/loss", "best_model_score": torch.tensor(0.25)}
    checkpoint = {"state_dict": weights, "epoch": 2, "global_step": 40, "mvmono3d": MADE_FROM}
    torch.save({**checkpoint, "callbacks": {"BestCheckpoint": best}}, path)
    path.with_name("best.ckpt.sha256").write_text(f"{sha256_of_file(path)}  best.ckpt\n")
    return path
