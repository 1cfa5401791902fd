"""The gate of each precision, and what a graph measured there, for manifest and model card."""

from pathlib import Path

import onnx

from mvmono3d.deploy.agreement import Agreement
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.manifest import Figure, GraphGate, Tolerances
from mvmono3d.export.lint import refuse_unportable
from mvmono3d.export.model_file import write_model
from mvmono3d.export.precision import lower
from mvmono3d.export.trial import PIXELS_PX, Lowering

LOWERED_TOLERANCES = Tolerances(points_m=1e-3, pixels_px=PIXELS_PX, logits=0.1, share=0.01)
"""How far an engine may be from the self-test of a graph in lower precision: each rounds in its own way."""


def exact_gate(views: int, agreement: Agreement, *, against: str, tolerances: Tolerances) -> GraphGate:
    """State what a graph in single precision measured."""
    figures = (
        ("points", "mm", tolerances.points_m * 1e3, agreement.points_m * 1e3),
        ("pixels", "px", tolerances.pixels_px, agreement.pixels_px),
        ("other choices", "share", tolerances.share, agreement.choices),
        ("other occlusion states", "share", tolerances.share, agreement.occlusion_states),
    )
    return GraphGate(
        views=views,
        against=against,
        figures=tuple(
            Figure(name=name, unit=unit, allowed=allowed, found=found)
            for name, unit, allowed, found in figures
        ),
    )


def lower_file(path: Path, lowering: Lowering, *, views: int, axes: dict[str, int]) -> GraphGate:
    """Rewrite a graph's file in lower precision and state what it lost.

    Raises `ParityError` when the precision misses its gate, `ConfigurationError` when the graph would not
    run everywhere.
    """
    done = lower(onnx.load(path), lowering.precision, lowering.trial_for(Engine(path), views, axes["state"]))
    model = onnx.shape_inference.infer_shapes(done.model)
    refuse_unportable(model, axes)
    write_model(path, model)
    return GraphGate(
        views=views,
        against="the graph in fp32, on the synthetic test set",
        figures=done.figures,
        lowered=len(done.lowered),
        layers=len(done.lowered) + len(done.kept),
        lowered_share=done.share,
    )
