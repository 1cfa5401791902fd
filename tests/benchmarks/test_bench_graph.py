"""How fast the exported graph is: one set of frames must leave a core's frame time to everything else."""

import json
import subprocess
import sys

import pytest

CPU_P50_MS = 2.0

# A process of its own: there no import hook checks types.
MEASURE = """
import json, sys, tempfile, time
from pathlib import Path

import numpy as np
import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.export.frames import selftest_inputs
from mvmono3d.export.graph import SingleFrame
from mvmono3d.export.onnx import export_onnx
from mvmono3d.imputation.bones import BoneConstancy
from mvmono3d.imputation.imputer import Imputer
from mvmono3d.imputation.net import ImputationNet
from mvmono3d.occlusion.net import OcclusionNet
from mvmono3d.pipeline.reconstructor import Reconstructor
from mvmono3d.prior.net import PriorNet
from mvmono3d.triangulation.net import ViewWeights

VIEWS = int(sys.argv[1])
torch.set_num_threads(1)
torch.manual_seed(0)
skeleton = load_skeleton("hand21")
# The sizes of conf/task/reconstructor.yaml.
network = SingleFrame(
    Reconstructor(
        skeleton=skeleton,
        occlusion=OcclusionNet(skeleton=skeleton, width=32),
        triangulation=ViewWeights(width=16, prior_sigma=0.3),
        prior=PriorNet(skeleton=skeleton, width=192),
        imputation=Imputer(
            net=ImputationNet(skeleton=skeleton, width=24, embedding=4),
            bones=BoneConstancy(skeleton=skeleton, sweeps=3, tolerance=2.5e-5),
        ),
        horizon_s=2.0,
    ),
    views=VIEWS,
)
network.reconstructor.units.unit_m.fill_(0.1)
axes = {"view": VIEWS, "joint": len(skeleton.joints), "state": network.state_size}
inputs = selftest_inputs("hand21", views=VIEWS)
with tempfile.TemporaryDirectory() as folder:
    model = export_onnx(network, Path(folder) / "model.onnx", axes=axes)
    engine = Engine(Path(folder) / "model.onnx")
state = np.zeros(network.state_size, dtype=np.float32)
spent = []
for number in range(600):
    frame = number % len(inputs["time_step_s"])
    feed = {name: tensor[frame] for name, tensor in inputs.items()} | {"state": state}
    begin = time.thread_time_ns()
    state = engine.run(feed)["next_state"]
    spent.append(time.thread_time_ns() - begin)
p50, p95 = np.quantile(spent[100:], [0.5, 0.95]) * 1e-6
print(json.dumps({"p50": p50, "p95": p95, "nodes": len(model.graph.node)}))
"""


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_a_core_reconstructs_a_set_of_four_frames_in_two_milliseconds():
    command = [sys.executable, "-c", MEASURE, "4"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    measured = json.loads(output.splitlines()[-1])
    assert measured["p50"] <= CPU_P50_MS, measured
