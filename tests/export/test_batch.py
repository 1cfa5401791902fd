"""Leaving out leading axes of length 1 makes graphs smaller and changes no number."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
import torch
from onnx_ir.passes import common
from onnxscript import optimizer
from torch import Tensor, nn

from mvmono3d.export.batch import drop_batch
from mvmono3d.export.views import merge_views


class OneClip(nn.Module):
    """Every kind of operation along axes that stay, between arrays with and without a batch."""

    def forward(self, points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        points, weights = points[None, None], weights[None, None]
        both = torch.cat([points, weights[..., None] * points], dim=-1)
        first, second = both.softmax(-1).split(3, dim=-1)
        product = first @ second.mT + weights.expand(1, 1, 4, 4)
        chosen = product.amax(-1, keepdim=True).log().index_select(-2, torch.tensor([2, 0, 1, 3]))
        places = torch.stack([points, points * chosen], dim=0).permute(1, 2, 3, 0, 4)
        return places[0, 0], product.argmax(-1)[0], torch.relu(chosen - 1.0).sum(-2)[0, 0]


@pytest.fixture
def model(tmp_path: Path) -> onnx.ModelProto:
    path = tmp_path / "model.onnx"
    with pytest.warns():  # The exporter warns about its own internals.
        program = torch.onnx.export(
            OneClip(), (torch.ones(4, 3), torch.ones(4)), dynamo=True, verbose=False, optimize=False
        )
    assert program is not None
    program.save(path)
    return onnx.load(path)


def _rewritten(model: onnx.ModelProto, *, dropped: bool) -> onnx.ModelProto:
    graph = onnx_ir.serde.deserialize_model(model)
    # As in an export: shapes are known, constants are folded.
    optimizer.fold_constants(graph, onnx_shape_inference=True)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(graph)
    merge_views(graph)
    if dropped:
        drop_batch(graph)
        merge_views(graph)
    return onnx_ir.serde.serialize_model(graph)


def _run(model: onnx.ModelProto) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    arrays = [generator.normal(size=shape).astype(np.float32) for shape in ((4, 3), (4,))]
    return [np.asarray(output) for output in session.run(None, dict(zip(names, arrays, strict=True)))]


def test_no_number_no_shape_and_no_name_changes(model: onnx.ModelProto):
    dropped = _rewritten(model, dropped=True)
    onnx.checker.check_model(dropped, full_check=True)
    for ours, theirs in zip(_run(dropped), _run(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for side in ("input", "output"):
        ours, theirs = ([(v.name, v.type) for v in getattr(each.graph, side)] for each in (dropped, model))
        assert ours == theirs


def test_what_only_adds_or_drops_such_axes_falls_away(model: onnx.ModelProto):
    reshapes = [
        sum(node.op_type == "Reshape" for node in _rewritten(model, dropped=dropped).graph.node)
        for dropped in (False, True)
    ]
    assert reshapes[1] < reshapes[0]
