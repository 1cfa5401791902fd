import numpy as np
import onnxruntime
import pytest
import torch

from mvmono3d.geometry.lens import undistort
from mvmono3d.geometry.robust_settings import RobustSettings
from mvmono3d.geometry.robust_straight import triangulate_robust_straight
from tests.benchmarks.regimes import make_regime


class Robust(torch.nn.Module):
    def forward(self, offsets, confidence, detected, focal, camera_from_world):
        answer = triangulate_robust_straight(
            offsets,
            confidence,
            detected,
            focal=focal,
            camera_from_world=camera_from_world,
            settings=RobustSettings(sigma_px=1.0),
        )
        return tuple(answer)


# The exporter of torch 2.9 and later warns about its own internals.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@pytest.mark.parametrize("views", [2, 4, 8])
def test_the_exported_graph_gives_what_torch_gives(views, tmp_path):
    recording = make_regime("C", views=views, frames=40)
    focal = recording.lens[:, :2]
    offsets = undistort(recording.pixels, recording.lens) * focal[:, None]
    arrays = (offsets, recording.confidence, recording.detected, focal, recording.camera_from_world)
    inputs = tuple(
        torch.tensor(array.astype(bool if array.dtype == bool else np.float32)) for array in arrays
    )
    path = tmp_path / "robust.onnx"
    torch.onnx.export(Robust(), inputs, path, dynamo=True, optimize=False, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    theirs = session.run(None, dict(zip(names, [value.numpy() for value in inputs], strict=True)))
    ours = [value.numpy() for value in Robust()(*inputs)]
    points, _, inlier, _, reason, residual = (np.asarray(answer) for answer in theirs)
    # A residual on a gate may fall to either side.
    same = (reason == ours[4]) & (inlier == ours[2]).all(axis=-2)
    assert same.mean() > 0.998
    np.testing.assert_allclose(points[same], ours[0][same], atol=2e-5)
    np.testing.assert_allclose(
        np.moveaxis(residual, -2, -1)[same], np.moveaxis(ours[5], -2, -1)[same], atol=0.02
    )
