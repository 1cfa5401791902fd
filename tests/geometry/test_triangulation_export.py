import numpy as np
import onnxruntime
import pytest
import torch

from mvmono3d.geometry.projection import project
from mvmono3d.geometry.triangulation import triangulate
from tests.geometry.rigs import scene, to_torch
from tests.tolerances import ONNX_M, ONNX_WEAK_M


class _Triangulate(torch.nn.Module):
    def forward(self, pixels, weights, lens, camera_from_world, prior_points, prior_precision):
        answer = triangulate(
            pixels,
            weights,
            lens=lens,
            camera_from_world=camera_from_world,
            steps=1,
            prior_points=prior_points,
            prior_precision=prior_precision,
        )
        return answer.points_world, answer.information, answer.solved


# The exporter of torch 2.9 and later warns about its own internals.
@pytest.mark.filterwarnings("ignore")
def test_the_exported_graph_gives_what_torch_gives(tmp_path):
    points, lens, pose = scene(4, batch=(2,), joints=21, fisheye=(1,))
    generator = np.random.default_rng(0)
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    pixels = pixels + generator.normal(size=pixels.shape)
    weights = generator.uniform(0.1, 1.0, size=pixels.shape[:-1])
    weights[:, 1:, :4] = 0.0
    weights[:, :, 4] = 0.0
    precision = np.full(points.shape[:-1], 100.0)
    precision[:, 0] = 0.0
    inputs = to_torch(pixels, weights, lens, pose, points + 0.01, precision, dtype=torch.float32)
    path = tmp_path / "triangulate.onnx"
    torch.onnx.export(_Triangulate(), tuple(inputs), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    answers = session.run(None, dict(zip(names, [value.numpy() for value in inputs], strict=True)))
    theirs = [np.asarray(answer) for answer in answers]
    expected = [value.numpy() for value in _Triangulate()(*inputs)]
    np.testing.assert_array_equal(theirs[2], expected[2])
    assert expected[2][:, 1:].all()
    assert not expected[2][:, 0].any()
    np.testing.assert_allclose(theirs[0], expected[0], atol=ONNX_WEAK_M)
    np.testing.assert_allclose(theirs[0][:, 5:], expected[0][:, 5:], atol=ONNX_M)
    np.testing.assert_allclose(theirs[1], expected[1], rtol=1e-3, atol=10.0)
