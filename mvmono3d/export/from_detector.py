"""Checkpoints of joint networks become a detector's bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mvmono3d
from mvmono3d.core.schema import SCHEMA_VERSION
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.crop_cut import CropJitter, CropSource, CutCrops
from mvmono3d.data.crops import Crops
from mvmono3d.deploy.detect.bundle import (
    DETECTOR,
    FINDER,
    JOINTS,
    DetectorGraph,
    DetectorManifest,
    Role,
    read_detector_bundle,
)
from mvmono3d.deploy.detect.selftest import check_detector, write_detector_selftest
from mvmono3d.deploy.detect.windows import WindowSettings
from mvmono3d.deploy.manifest import BundleFile
from mvmono3d.detection.net import JointNet
from mvmono3d.errors import ConfigurationError
from mvmono3d.export.bundle_files import CARD_FILE, SELFTEST_FILE, hashed, new_folder, write_texts
from mvmono3d.export.commit import current_commit
from mvmono3d.export.detector_card import detector_card
from mvmono3d.export.detector_network import DrawnGraph, draw_graph
from mvmono3d.export.onnx import OPSET
from mvmono3d.export.precision import FP32
from mvmono3d.export.saved_run import SavedRun, build, fill, read_run

_LEAST_TOLERANCE_PX, _LOWERED_TOLERANCE_PX = 0.1, 1.0
"""How far other machines may be off: sums in another order, and 8-bit sums that some CPUs round early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedNet:
    """A joint network with its weights, and the crops that judge it."""

    net: JointNet
    skeleton: Skeleton
    run: SavedRun
    test: Sequence[Crops]
    calibration: Sequence[Crops]


def is_detector(run: SavedRun) -> bool:
    """Say whether a training was that of a joint network."""
    return "net" in run.config["task"]


def export_detector(joints: Path, folder: Path, *, finder: Path | None, precision: str) -> DetectorManifest:
    """Write the bundle of one or two checkpoints into a new folder.

    Raises `ParityError` when a graph, or its lower precision, doesn't give what the network gives.
    """
    trained: dict[Role, TrainedNet] = {JOINTS: load_net(joints)}
    if finder is not None:
        trained[FINDER] = load_net(finder)
    skeletons = {each.skeleton.hash for each in trained.values()}
    if len(skeletons) > 1:
        raise ConfigurationError(f"{joints} and {finder} are of different skeletons")
    with new_folder(folder) as staging:
        drawn = [
            draw_graph(
                staging,
                each.net,
                role=role,
                precision=precision,
                test=each.test,
                calibration=each.calibration,
            )
            for role, each in trained.items()
        ]
        write_detector_selftest(
            staging / SELFTEST_FILE, {each.role: (each.images, each.outputs) for each in drawn}
        )
        manifest = _manifest(staging, trained, drawn, precision)
        card = detector_card(manifest, drawn, commands=[_command(each.run) for each in trained.values()])
        manifest = write_texts(staging, manifest, card)
        check_detector(read_detector_bundle(staging))
        return manifest


def load_net(path: Path) -> TrainedNet:
    """Load a joint network from a training's folder, with its validation and test crops."""
    run = read_run(path)
    if not is_detector(run):
        raise ConfigurationError(
            f"the task of {path} has no net: it is no joint network (experiment=detector)"
        )
    net = build(run.config["task"]["net"], where=f"{path}, task.net")
    if not isinstance(net, JointNet):
        raise ConfigurationError(f"{path}: task.net builds a {type(net).__name__}")
    fill(net, run, prefix="net.")
    data = run.config["data"]
    source, jitter = (build(data[name], where=f"{path}, data.{name}") for name in ("source", "jitter"))
    if not isinstance(source, CropSource) or not isinstance(jitter, CropJitter):
        raise ConfigurationError(f"{path}: data.source and data.jitter must be of crops")
    source.prepare(("val", "test"))
    test, calibration = (_still(source, jitter, name, size=net.size) for name in ("test", "val"))
    return TrainedNet(net=net.eval(), skeleton=source.skeleton, run=run, test=test, calibration=calibration)


def _still(source: CropSource, jitter: CropJitter, name: str, *, size: int) -> list[Crops]:
    store = source.open_split(name)
    cut = CutCrops(store=store, size=size, jitter=jitter, seed=None)
    return [cut[0, place] for place in range(len(store))]


def _manifest(
    folder: Path, trained: dict[Role, TrainedNet], drawn: list[DrawnGraph], precision: str
) -> DetectorManifest:
    return DetectorManifest(
        schema=SCHEMA_VERSION,
        kind=DETECTOR,
        version=mvmono3d.__version__,
        commit=current_commit(),
        opset=OPSET,
        skeleton=trained[JOINTS].skeleton,
        margin=WindowSettings().margin,
        graphs=tuple(
            DetectorGraph(
                role=each.role,
                size=trained[each.role].net.size,
                precision=precision,
                file=hashed(folder / each.file),
                figures=each.figures,
                lowered_share=each.lowered_share,
                training=dict(trained[each.role].run.training),
            )
            for each in drawn
        ),
        selftest=hashed(folder / SELFTEST_FILE),
        card=BundleFile(name=CARD_FILE, sha256=""),
        tolerance_px=_LEAST_TOLERANCE_PX if precision == FP32 else _LOWERED_TOLERANCE_PX,
    )


def _command(run: SavedRun) -> str:
    """Return how to train it again; the configuration in full lies beside the checkpoint."""
    config: dict[str, Any] = dict(run.config)
    trainer, data = config.get("trainer", {}), config.get("data", {})
    scenes = data.get("source", {}).get("scenes", {}).get("train")
    told = {
        "experiment": config.get("name", "detector"),
        "skeleton": config["skeleton"].get("name", ""),
        "data.source.scenes.train": scenes,
        "data.batch_size": data.get("batch_size"),
        "trainer.max_epochs": trainer.get("max_epochs"),
        "trainer.precision": trainer.get("precision"),
        "optimiser.lr": config.get("optimiser", {}).get("lr"),
        "task.clutter.share": config["task"].get("clutter", {}).get("share"),
        "seed": config.get("seed", 0),
        "weights": Path(config["weights"]).name if config.get("weights") else None,
    }
    return "python train.py " + " ".join(
        f"{name}={value}" for name, value in told.items() if value is not None
    )
