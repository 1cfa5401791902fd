"""A rig that runs hands out the cloud of what is before its cameras, beside its poses."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from mvmono3d.deploy.client import Stream, connect_clouds
from mvmono3d.deploy.client.commands import set_roi
from mvmono3d.deploy.server.cloud_points import cloud_points
from mvmono3d.deploy.server.messages import Cloud
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.synthetic.actors import stage
from mvmono3d.synthetic.props import PropSettings
from mvmono3d.synthetic.scene import Scene
from tests.deploy.live.rigs import PATIENCE_S, Rig, running
from tests.deploy.live.small_site import write_site
from tests.deploy.loop.stage import HAND

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_CLOUDS = 12
_ALONE_S = 4.0
_RATE_HZ, _SEED, _SECONDS, _EXPOSURE_S = 20.0, 2, 0.5, 1e-3


@pytest.mark.parametrize(("shrunk", "voxel_m", "off_m"), [(4, 0.004, 0.01), (1, 0.003, 0.006)])
def test_the_cloud_lies_on_the_hand_and_poses_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shrunk: int, voxel_m: float, off_m: float
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    site = write_site(tmp_path / "site", seconds=_SECONDS, shrunk=shrunk)
    site.write_text(site.read_text() + f"cloud: {{rate_hz: 4, side_m: 0.24, voxel_m: {voxel_m}}}\n")
    with running(site, "--no-viewer") as rig, rig.stream() as stream:
        url = f"ws://127.0.0.1:{rig.port}"
        with connect_clouds(url, patience_s=PATIENCE_S) as clouds:
            poses, found = _read(stream, clouds)
            said = "" if stream.status is None else stream.status.detail["cloud"]
            assert said.startswith("running, ")
            _tell_costs(rig, found)
            _tell_pace(rig, stream, poses, found[0].t_ns)
            _nothing_comes_from_an_empty_region(stream, clouds)
    scene, off = _scene(), []
    # A reader that is held up gets the newest pose, and not those before it.
    for cloud in [each for each in found[2:] if each.t_ns in poses]:
        pose = poses[cloud.t_ns]
        assert (pose.seq, pose.cloud_id) == (cloud.id, None)
        frame = _frame_of(pose, scene)
        points = _of_no_prop(cloud_points(cloud), scene, frame)
        off.append(np.abs(_from_flesh(points, scene, frame)))
        joints = np.asarray(scene.points_world)[frame]
        away = np.linalg.norm(joints[:, None] - cloud_points(cloud), axis=-1).min(axis=1)
        # Every joint has the cloud round it: a palm is three centimetres thick.
        assert away.max() < 0.025
    assert len(off) >= 3
    middle, most = np.quantile(np.concatenate(off), [0.5, 0.9])
    sys.stdout.write(f"cloud: {1e3 * middle:.1f} mm off the flesh in the median, 90 %: {1e3 * most:.1f} mm\n")
    # Four outlines of a hand leave more than the hand, and small images have pixels worth 4 mm.
    assert middle < off_m


def _read(stream: Stream[PoseFrame], clouds: Stream[Cloud]) -> tuple[dict[int, PoseFrame], list[Cloud]]:
    """Return clouds, and all poses until the last of them."""
    poses: dict[int, PoseFrame] = {}
    found: list[Cloud] = []
    end_s = time.monotonic() + PATIENCE_S
    while len(found) < _CLOUDS or found[-1].t_ns not in poses:
        assert time.monotonic() < end_s, f"{len(found)} clouds"
        pose, cloud = stream.receive(0.02), clouds.receive(0.001)
        if pose is not None:
            poses[pose.time_ns] = pose
        if cloud is not None:
            found.append(cloud)
    return poses, found


def _tell_pace(rig: Rig, stream: Stream[PoseFrame], poses: dict[int, PoseFrame], since_ns: int) -> None:
    """Tell how many poses come a second, beside some seconds in which the cloud's process does nothing."""
    beside_hz = _rate_hz([pose for pose in poses.values() if pose.time_ns >= since_ns])
    pid = rig.pid_of("mvmono3d.deploy.cloud.process")
    os.kill(pid, signal.SIGSTOP)
    alone, end_s = [], time.monotonic() + _ALONE_S
    while time.monotonic() < end_s:
        pose = stream.receive(0.1)
        alone += [] if pose is None else [pose]
    os.kill(pid, signal.SIGCONT)
    alone_hz = _rate_hz(alone)
    sys.stdout.write(f"cloud: beside it {beside_hz:.1f} poses/s, without it {alone_hz:.1f}\n")


def _rate_hz(poses: list[PoseFrame]) -> float:
    return 1e9 * (poses[-1].seq - poses[0].seq) / (poses[-1].time_ns - poses[0].time_ns)


def _tell_costs(rig: Rig, found: list[Cloud]) -> None:
    process = Path(f"/proc/{rig.pid_of('mvmono3d.deploy.cloud.process')}")
    words = (process / "stat").read_text().rsplit(") ", 1)[1].split()
    lines = (process / "status").read_text().splitlines()
    memory = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    spent_s = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    sys.stdout.write(
        f"cloud: {int(memory) / 1e3:.0f} MB, {spent_s:.1f} s of a core for its start and {len(found)} "
        f"clouds of {np.median([each.count for each in found]):.0f} points\n"
    )
    assert int(words[16]) > 0, "it stands back"


def _nothing_comes_from_an_empty_region(stream: Stream[PoseFrame], clouds: Stream[Cloud]) -> None:
    stream.command(set_roi((0.0, 0.0, 1.5), (0.1, 0.1, 0.1)))
    end_s = time.monotonic() + PATIENCE_S
    while (status := stream.status) is None or "outline" not in status.detail["cloud"]:
        assert time.monotonic() < end_s, status
        stream.receive(0.2)
    # What was on its way may still come.
    while clouds.receive(1.0) is not None:
        assert time.monotonic() < end_s, "clouds of an empty region"


def _scene() -> Scene:
    """Return the flesh of the site's take at the middle of each exposure."""
    times = np.arange(round(_SECONDS * _RATE_HZ)) / _RATE_HZ + 0.5 * _EXPOSURE_S
    props = PropSettings(held=0.3, moving=1, standing=0)
    return stage(HAND, times, seed=_SEED, subject=_SEED, props=props).scene


def _frame_of(pose: PoseFrame, scene: Scene) -> int:
    """Return the frame of the take that a pose is of: it plays forth and back."""
    actor = pose.actors[0]
    away = np.linalg.norm(np.asarray(scene.points_world) - actor.points_world, axis=-1)[:, actor.present]
    frame = int(np.median(away, axis=1).argmin())
    assert np.median(away[frame]) < 0.01
    return frame


def _of_no_prop(points: Float[np.ndarray, "point 3"], scene: Scene, frame: int) -> np.ndarray:
    """Return the points that aren't near a prop."""
    centres = np.asarray(scene.props.world_from_prop)[frame, :, :, 3]
    reach = np.linalg.norm(np.asarray(scene.props.size_m), axis=-1) + 0.01
    return points[(np.linalg.norm(points[:, None] - centres, axis=-1) > reach).all(axis=1)]


def _from_flesh(points: Float[np.ndarray, "point 3"], scene: Scene, frame: int) -> np.ndarray:
    """Return how far points are outside (positive) the capsules that the hand is made of."""
    flesh = scene.capsules
    start, end = np.asarray(flesh.start_world)[frame], np.asarray(flesh.end_world)[frame]
    along, radius = end - start, np.asarray(flesh.radius_m)
    share = np.einsum("pci,ci->pc", points[:, None] - start, along) / np.maximum(
        (along**2).sum(axis=1), 1e-12
    )
    nearest = start + share.clip(0.0, 1.0)[..., None] * along
    return (np.linalg.norm(points[:, None] - nearest, axis=-1) - radius).min(axis=1)
