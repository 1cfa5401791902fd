"""A loop and a server to test against: frames of random numbers, a server in a thread of its own."""

import asyncio
import contextlib
import os
import threading
import uuid
from collections.abc import Iterator

import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.ring.memory import path_of
from mvmono3d.deploy.server.channel import Publisher, Topic
from mvmono3d.deploy.server.convert import hello_message
from mvmono3d.deploy.server.pose_frame import ActorPose, ObjectPose, PoseFrame, PoseMetrics
from mvmono3d.deploy.server.service import StreamServer
from mvmono3d.deploy.server.settings import Limits, ServerSettings

SKELETON = load_skeleton("hand21")
VIEWS = 4
CONTROL = "a control token for tests"
JOINTS = len(SKELETON.joints)


def random_rig(seed: int = 0) -> Rig:
    """Cameras that need not see anything."""
    draw = np.random.default_rng(seed)
    turns = np.linalg.qr(draw.normal(size=(VIEWS, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    return Rig(
        camera=Camera(
            focal_px=draw.uniform(800, 1500, (VIEWS, 2)),
            centre_px=draw.uniform(400, 600, (VIEWS, 2)),
            distortion=draw.normal(scale=0.01, size=(VIEWS, 5)),
            fisheye=np.array([False, False, True, False]),
            size_px=np.full((VIEWS, 2), 1000),
        ),
        camera_from_world=np.concatenate([turns, draw.normal(size=(VIEWS, 3, 1))], axis=2),
        pose_sigma=np.zeros((VIEWS, 2)),
        names=tuple(f"cam{view}" for view in range(VIEWS)),
    )


def random_actor(actor: int, draw: np.random.Generator) -> ActorPose:
    """Joints with every source, covariances that are positive, shares that sum to one."""
    source = draw.integers(0, 3, JOINTS)
    present = (source > 0)[:, None]
    spread = draw.normal(scale=3e-3, size=(JOINTS, 3, 3))
    return ActorPose(
        actor=actor,
        points_world=np.where(present, draw.normal(size=(JOINTS, 3)), 0.0),
        covariance_world=np.where(present[..., None], spread @ spread.swapaxes(1, 2), 0.0),
        source=source,
        decided_by=draw.integers(0, 3, JOINTS),
        reason=np.where(source > 0, 0, draw.integers(1, 5, JOINTS)),
        occlusion=draw.dirichlet(np.ones(4), (VIEWS, JOINTS)),
        weights=draw.dirichlet(np.ones(VIEWS), JOINTS).T,
        reprojection_px=draw.exponential(2.0, (VIEWS, JOINTS)),
    )


def random_frame(seq: int, *, actors: int = 1, published_ns: int = 0) -> PoseFrame:
    """Return a frame that depends on its number alone."""
    draw = np.random.default_rng(seq)
    return PoseFrame(
        seq=seq,
        time_ns=1_700_000_000_000_000_000 + 16_666_667 * seq,
        published_ns=published_ns,
        actors=tuple(random_actor(actor, draw) for actor in range(actors)),
        view_present=draw.random(VIEWS) > 0.2,
        objects=(ObjectPose(name="cup", quaternion_wxyz=(1, 0, 0, 0), position_world=(0.1, 0.2, 0.3)),),
        cloud_id=seq if seq % 2 else None,
        metrics=PoseMetrics(reprojection_rms_px=1.25, latency_ms=7.5, stages_ms=(("detect", 4.0),)),
        warnings=("the rig moved",) if seq % 3 == 0 else (),
    )


@contextlib.contextmanager
def publishing(name: str | None = None) -> Iterator[tuple[str, Publisher]]:
    """Yield a name nobody else uses and its publisher; nothing of it stays in shared memory."""
    chosen = name or f"test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        with Publisher(chosen, hello_message(SKELETON, random_rig())) as publisher:
            yield chosen, publisher
    finally:
        forget(chosen)


def forget(name: str) -> None:
    """Delete what a name has in shared memory."""
    for part in (*(topic.name.lower() for topic in Topic), "wake", "commands"):
        path_of(f"{name}.{part}").unlink(missing_ok=True)


@contextlib.contextmanager
def serving(name: str, limits: Limits | None = None, **more: object) -> Iterator[StreamServer]:
    """Run a server in a thread until the block ends."""
    values = {"name": name, "port": 0, "control_token": CONTROL, "limits": limits or Limits()} | more
    server = StreamServer(ServerSettings(**values))  # pyright: ignore[reportArgumentType]
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def run() -> None:
        async with server.listening():
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(20), "the server did not start"
        yield server
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.close()


@contextlib.contextmanager
def stream(limits: Limits | None = None, **more: object) -> Iterator[tuple[Publisher, StreamServer, str]]:
    """Yield publisher, server and the address of a stream that is live."""
    with publishing() as (name, publisher), serving(name, limits, **more) as server:
        yield publisher, server, f"ws://127.0.0.1:{server.port}"
