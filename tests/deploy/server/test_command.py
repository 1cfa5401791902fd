"""`python -m mvmono3d.deploy.server` as a user starts it."""

import os
import signal
import subprocess
import sys
import uuid

import numpy as np
import pytest

from mvmono3d.core.reconstruction_file import write_reconstruction
from mvmono3d.core.rig_file import write_rig
from mvmono3d.core.trajectory import Reconstruction, Trajectory
from mvmono3d.deploy.client import connect
from tests.deploy.server.streams import JOINTS, SKELETON, VIEWS, forget, random_actor, random_rig

FRAMES = 12


def write_take(folder):
    """Write a reconstruction of random numbers and its rig."""
    actors = [random_actor(0, np.random.default_rng(frame)) for frame in range(FRAMES)]
    stacked = {
        name: np.stack([getattr(actor, name) for actor in actors])
        for name in type(actors[0]).__dataclass_fields__
        if name != "actor"
    }
    trajectory = Trajectory(
        **{name: stacked.pop(name) for name in ("points_world", "covariance_world", "source")},
        time_ns=np.arange(FRAMES) * 16_666_667,
    )
    write_reconstruction(folder / "take.npz", Reconstruction(trajectory=trajectory, **stacked), SKELETON)
    write_rig(folder / "rig.toml", random_rig())


@pytest.fixture
def started(tmp_path):
    """Start the program on a take; yields its address."""
    write_take(tmp_path)
    name = f"test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    command = [
        sys.executable, "-m", "mvmono3d.deploy.server", "--name", name, "--port", "0", "--grpc-port", "0",
        "--replay", str(tmp_path / "take.npz"), "--rig", str(tmp_path / "rig.toml"), "--rate", "100",
        "--control-token-file", str(tmp_path / "token"),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[0], tmp_path
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
            forget(name)
    assert code == 0


def test_a_take_is_replayed_again_and_again(started):
    url, folder = started
    with connect(url) as poses:
        seen = [pose.seq for pose, _ in zip(poses, range(3 * FRAMES), strict=False)]
        assert [camera.name for camera in poses.hello.rig.cameras] == list(random_rig().names)
        assert len(poses.hello.skeleton.joints) == JOINTS
        assert len(poses.hello.rig.cameras) == VIEWS
    assert np.all(np.diff(seen) > 0)
    assert seen[-1] > FRAMES
    assert (folder / "token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--replay", "take.npz"], "--rig"),
        (["--host", "0.0.0.0"], "--certificate"),
        (["--demo", "--rate", "0"], "--rate"),
    ],
)
def test_what_can_not_work_is_one_line(tmp_path, options, message):
    command = [sys.executable, "-m", "mvmono3d.deploy.server", "--port", "0"]
    done = subprocess.run(
        [*command, "--control-token-file", str(tmp_path / "token"), *options],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
