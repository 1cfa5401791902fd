"""One joint network as a graph in a bundle: exported, compared, lowered, measured."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from jaxtyping import UInt8

from mvmono3d.data.crops import Crops
from mvmono3d.deploy.detect.batch import grey
from mvmono3d.deploy.detect.bundle import IMAGES, JOINTS, OUTPUTS, Role
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.manifest import Figure
from mvmono3d.detection.net import JointNet
from mvmono3d.errors import ParityError
from mvmono3d.export.detector_graph import FinderGraph, JointGraph
from mvmono3d.export.detector_trial import DetectorTrial, answers
from mvmono3d.export.lint import refuse_unportable
from mvmono3d.export.model_file import write_model
from mvmono3d.export.onnx import Interface, export_picture_onnx
from mvmono3d.export.precision import FP32, INT8, lower
from mvmono3d.metrics.detection import DetectionScore, detection_score

_EXACT_PX = 0.05
_EXACT = 1e-3
_SELFTEST_CROPS, _TIMED_CROPS, _TIMED_RUNS = 8, 4, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnGraph:
    """A graph that passed, and what it does."""

    role: Role
    file: str
    figures: tuple[Figure, ...]
    lowered_share: float
    images: UInt8[np.ndarray, "view size size"]
    """Of the self-test."""
    outputs: Mapping[str, np.ndarray]
    scores: Mapping[str, DetectionScore]
    """On the test crops, by which joints; empty for a finder."""
    p50_ms: float
    """Of four crops on one thread of the exporting machine."""


def draw_graph(
    folder: Path,
    net: JointNet,
    *,
    role: Role,
    precision: str,
    test: Sequence[Crops],
    calibration: Sequence[Crops],
) -> DrawnGraph:
    """Export a network, compare it with PyTorch, lower it if asked, and measure what stands in the file."""
    network = JointGraph(net) if role == JOINTS else FinderGraph(net)
    interface = interface_of(net, role)
    path = folder / f"{role}.onnx"
    export_picture_onnx(network, path, interface)
    figures, share = _compare(network, Engine(path), test[:64]), 0.0
    if precision != FP32:
        trial = DetectorTrial(Engine(path), role=role, crops=test, calibration=calibration)
        lowered = lower(onnx.load(path), precision, trial, signed=False)
        model = onnx.shape_inference.infer_shapes(lowered.model)
        refuse_unportable(
            model,
            interface.axes,
            inputs=interface.inputs,
            outputs=interface.outputs,
            free=interface.free,
            cpu_only=precision == INT8,
        )
        write_model(path, model)
        figures, share = lowered.figures, lowered.share
    engine = Engine(path)
    images = np.stack([crop.images[0] for crop in test[:: max(len(test) // _SELFTEST_CROPS, 1)]])
    images = images[:_SELFTEST_CROPS]
    return DrawnGraph(
        role=role,
        file=path.name,
        figures=figures,
        lowered_share=share,
        images=images,
        outputs=engine.run({"images": grey(images)}),
        scores=scores_of(answers(engine, test), test, size=net.size) if role == JOINTS else {},
        p50_ms=_time(engine, images),
    )


def interface_of(net: JointNet, role: str) -> Interface:
    """Return what the graph of a network takes and gives; the number of crops is free."""
    cells = net.size // 4
    joints = int(net.embedding.shape[0])
    return Interface(
        inputs=IMAGES,
        outputs=OUTPUTS[role],
        axes={"view": 2, "size": net.size, "joint": joints, "row": cells, "column": cells},
        free=("view",),
    )


def scores_of(
    found: Mapping[str, np.ndarray], crops: Sequence[Crops], *, size: int
) -> dict[str, DetectionScore]:
    """Measure answers on crops whose truth is known: of seen joints, and of hidden ones in the crop."""
    truth = np.stack([crop.pixels for crop in crops])
    labelled = np.stack([crop.labelled for crop in crops])
    visible = np.stack([crop.visible for crop in crops]) & labelled
    inside = ((truth >= 0.0) & (truth <= size - 1)).all(axis=-1) & labelled
    return {
        name: detection_score(found["pixels"], found["sigma_px"], truth, counted, size=size)
        for name, counted in (("visible", visible), ("hidden", inside & ~visible), ("all", inside))
    }


def _compare(network: JointGraph | FinderGraph, engine: Engine, crops: Sequence[Crops]) -> tuple[Figure, ...]:
    """Say how far the graph is from PyTorch; raises `ParityError` where it isn't the same."""
    images = grey(np.stack([crop.images[0] for crop in crops]))
    with torch.no_grad():
        expected = network(torch.from_numpy(images))
    got = engine.run({"images": images})
    figures = tuple(
        Figure(
            name=name,
            unit="px" if name.startswith(("pixels", "sigma")) else "1",
            allowed=_EXACT_PX if name.startswith(("pixels", "sigma")) else _EXACT,
            found=float(np.abs(value.numpy() - got[name]).max()),
        )
        for name, value in expected._asdict().items()
    )
    wrong = [each for each in figures if not each.found <= each.allowed]
    if wrong:
        raise ParityError(
            "the exported graph is not the network: "
            + ", ".join(f"{each.name} {each.found:.3g} (allowed {each.allowed:g})" for each in wrong)
        )
    return figures


def _time(engine: Engine, images: UInt8[np.ndarray, "view size size"]) -> float:
    crops = np.resize(images, (_TIMED_CROPS, *images.shape[1:]))
    taken = []
    for _ in range(_TIMED_RUNS):
        began = time.perf_counter()
        engine.run({"images": grey(crops)})
        taken.append(time.perf_counter() - began)
    return 1e3 * float(np.median(taken[_TIMED_RUNS // 6 :]))
