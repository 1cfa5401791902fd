from pathlib import Path

import numpy as np
import pytest
import torch

from mvmono3d.cli import main
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.__main__ import main as deploy
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.reconstruct import reconstruct_with_bundle
from mvmono3d.deploy.selftest import run_sequence
from mvmono3d.errors import MVMono3DError
from mvmono3d.export.frames import selftest_inputs
from mvmono3d.export.graph import SingleFrame
from mvmono3d.export.parity import TorchRunner
from mvmono3d.nn.evidence import Frames
from mvmono3d.synthetic.settings import RigSettings, WorldSettings
from mvmono3d.synthetic.world import make_clip
from tests.export.runs import reconstructor, write_run

FRAMES = 50


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    return {name: tensor[:FRAMES] for name, tensor in selftest_inputs("hand21", views=4).items()}


def test_frame_by_frame_equals_a_clip_at_once(inputs: dict[str, np.ndarray]):
    network = reconstructor()
    online = SingleFrame(network, views=4)
    got = run_sequence(TorchRunner(online), inputs, state_size=online.state_size)
    frames = Frames(**{name: torch.from_numpy(np.array(tensor))[None] for name, tensor in inputs.items()})
    with torch.no_grad():
        answer, _, _ = network(network.gather(frames), network.start(batch=1, views=4))
    for name, expected in answer._asdict().items():
        np.testing.assert_allclose(got[name], expected[0].numpy(), atol=1e-5, rtol=1e-3, err_msg=name)


def test_frames_of_the_self_test_lose_a_camera_for_a_while(inputs: dict[str, np.ndarray]):
    lost = ~inputs["view_mask"]
    assert lost[:, 0].sum() == FRAMES - 40
    assert not lost[:, 1:].any()
    assert not inputs["detected"][lost].any()
    assert inputs["detected"].mean() > 0.5


@pytest.mark.parametrize("views", ["1", "17"])
def test_numbers_of_views_that_no_rig_has_are_one_line(tmp_path: Path, views: str, capsys):
    assert main(["export", str(write_run(tmp_path)), "--out", str(tmp_path / "out"), "--views", views]) == 2
    assert capsys.readouterr().err.endswith(f"--views {views}: expected 2 to 16 cameras\n")


def test_a_damaged_checkpoint_is_one_line_and_exit_code_2(tmp_path: Path, capsys):
    checkpoint = write_run(tmp_path)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    assert main(["export", str(checkpoint), "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "differs from best.ckpt.sha256" in lines[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_trained_is_what_runs(tmp_path: Path, capsys):
    bundle = tmp_path / "bundle"
    assert main(["export", str(write_run(tmp_path)), "--out", str(bundle), "--views", "4"]) == 0
    assert "parity and self-test passed" in capsys.readouterr().out
    assert deploy([str(bundle), "--frames", "20"]) == 0
    assert read_bundle(bundle).manifest.training["experiment"] == "tiny"
    settings = WorldSettings(skeleton="hand21", frames=20, rig=RigSettings(views=(3, 3)))
    clip = make_clip(settings, seed=5, subject=2, rig_seed=4)
    skeleton = load_skeleton("hand21")
    answer = reconstruct_with_bundle(bundle, clip.observations, rig=clip.rig, skeleton=skeleton)
    assert answer.weights.shape == (20, 3, 21)
    assert (answer.trajectory.source > 0).mean() > 0.9
    with pytest.raises(MVMono3DError, match="body17"):
        reconstruct_with_bundle(bundle, clip.observations, rig=clip.rig, skeleton=load_skeleton("body17"))
