"""The loop's process: takes the newest frame set, has it looked at, reconstructs, publishes; see `worker`."""

import gc
import sys
from pathlib import Path

from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.detect.exchange import Inlet, cloud_name, preview_name
from mvmono3d.deploy.detect.windows import WindowSettings
from mvmono3d.deploy.loop.eyes import RemoteEyes
from mvmono3d.deploy.loop.loop import Loop
from mvmono3d.deploy.loop.orders import LoopOrder, RigState
from mvmono3d.deploy.loop.parts import Crowd, Parts
from mvmono3d.deploy.loop.reconstructor import LearnedReconstructor, RobustReconstructor
from mvmono3d.deploy.ring.bell import Listener
from mvmono3d.deploy.ring.watch import RingWatch
from mvmono3d.deploy.server.channel import Publisher
from mvmono3d.deploy.server.convert import hello_message
from mvmono3d.deploy.server.messages import Cloud, Images
from mvmono3d.deploy.worker import Orders, Ready, say, work

_PATIENCE_S = 0.02
"""Between two looks at everything else, while no frame set comes."""


def main() -> int:
    """Run the loop until the input ends; returns the exit code."""
    return work(LoopOrder, _run, name="loop")


def make_parts(order: LoopOrder) -> tuple[Parts, Skeleton]:
    """Return what the loop works with; raises what a rig, a skeleton or a bundle raises that does not fit."""
    rig, skeleton = read_rig(Path(order.rig)), load_skeleton(order.skeleton)
    parts = Parts(
        rig=rig,
        joints=len(skeleton.joints),
        learned=_learned(order, rig, skeleton),
        robust=RobustReconstructor(rig),
        settings=order.settings,
        crowd=_crowd(order, rig, skeleton),
        windows=WindowSettings(upright=skeleton.upright),
    )
    return parts, skeleton


def _learned(order: LoopOrder, rig: Rig, skeleton: Skeleton) -> LearnedReconstructor | None:
    if order.bundle is None:
        return None
    bundle = read_bundle(Path(order.bundle))
    return LearnedReconstructor(bundle, rig, skeleton, threads=order.threads, engine=order.engine)


def _crowd(order: LoopOrder, rig: Rig, skeleton: Skeleton) -> Crowd | None:
    if order.actors == 1:
        return None
    # Imported here: a rig for one actor begins without it.
    from mvmono3d.deploy.loop.several import tell_apart

    return tell_apart(rig, skeleton, most=order.actors)


def _run(order: LoopOrder) -> None:
    orders: Orders[RigState] = Orders(RigState)
    parts, skeleton = make_parts(order)
    eyes = RemoteEyes(
        order.name, views=len(parts.rig.names), joints=parts.joints, patience_s=order.patience_s
    )
    ring, bell = RingWatch(order.name), Listener(order.name)
    previews, clouds = Inlet(preview_name(order.name), Images), Inlet(cloud_name(order.name), Cloud)
    with Publisher(order.name, hello_message(skeleton, parts.rig)) as publisher:
        loop = Loop(order, parts, publisher=publisher, eyes=eyes, ring=ring, say=say)
        say(Ready())
        # What was loaded stays; looking through it again and again would cost milliseconds.
        gc.freeze()
        while not orders.ended:
            loop.step()
            for state in orders.take():
                loop.rig_state = state
            loop.look_after(previews.take(0.0), clouds.take(0.0))
            bell.wait(_PATIENCE_S)
    for each in (loop, eyes, ring, bell, previews, clouds):
        each.close()


if __name__ == "__main__":
    sys.exit(main())
