"""Merging views makes graphs smaller and changes no number."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from mvmono3d.export.views import merge_views


class Chatter(nn.Module):
    """Adds, drops, picks and swaps axes of length 1, between real work."""

    def forward(self, points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inner = points[None, None][:, :, None][0]
        total = (inner * weights[None, :, None]).sum(-1)[..., None]
        swapped = total.transpose(0, 1)[0][..., 0]
        best = (points @ points.T).amax(-1)[:, None] - points.flip(0)
        return swapped * 2.0, best, points[None].expand(1, -1, -1)[0].reshape(-1)


@pytest.fixture
def model(tmp_path: Path) -> onnx.ModelProto:
    path = tmp_path / "model.onnx"
    with pytest.warns():  # The exporter warns about its own internals.
        program = torch.onnx.export(
            Chatter(), (torch.ones(4, 3), torch.ones(4)), dynamo=True, verbose=False, optimize=False
        )
    assert program is not None
    program.save(path)
    return onnx.load(path)


def _merged(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = onnx_ir.serde.deserialize_model(model)
    merge_views(graph)
    return onnx_ir.serde.serialize_model(graph)


def _run(model: onnx.ModelProto) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    arrays = [generator.normal(size=shape).astype(np.float32) for shape in ((4, 3), (4,))]
    return [np.asarray(output) for output in session.run(None, dict(zip(names, arrays, strict=True)))]


def test_no_number_and_no_name_changes(model: onnx.ModelProto):
    merged = _merged(model)
    onnx.checker.check_model(merged, full_check=True)
    for ours, theirs in zip(_run(merged), _run(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for side in ("input", "output"):
        names = [[value.name for value in getattr(each.graph, side)] for each in (merged, model)]
        assert names[0] == names[1]


def test_chains_of_views_become_one_reshape_or_nothing(model: onnx.ModelProto):
    operators = Counter(node.op_type for node in _merged(model).graph.node)
    assert not {"Unsqueeze", "Squeeze", "Expand"} & set(operators)
    assert operators["Reshape"] < len(model.graph.node) / 4
    assert sum(operators.values()) < 0.6 * len(model.graph.node)
