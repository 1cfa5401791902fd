"""One turn of the loop after the other: whoever runs it says when."""

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from mvmono3d.deploy.detect.exchange import JointsPart, Outlet, joints_name
from mvmono3d.deploy.loop.clocks import Stages, latency_ms
from mvmono3d.deploy.loop.eyes import RemoteEyes
from mvmono3d.deploy.loop.orders import FirstPose, LoopOrder, Relay, RigState
from mvmono3d.deploy.loop.parts import Parts, Stepped
from mvmono3d.deploy.loop.state import LoopState
from mvmono3d.deploy.loop.step import question, step
from mvmono3d.deploy.loop.tally import Tally
from mvmono3d.deploy.ring.reader import RingRecord
from mvmono3d.deploy.ring.watch import RingWatch
from mvmono3d.deploy.server.channel import Publisher
from mvmono3d.deploy.server.messages import Cloud, Images, SetRoi, Status
from mvmono3d.deploy.server.pose_frame import PoseFrame, PoseMetrics, reprojection_rms_px


class Loop:
    """Holds the state of one run; `step` again and again, `look_after` now and then."""

    def __init__(
        self,
        order: LoopOrder,
        parts: Parts,
        *,
        publisher: Publisher,
        eyes: RemoteEyes,
        ring: RingWatch,
        say: Callable[[msgspec.Struct], None],
    ) -> None:
        self._order, self._parts, self._publisher = order, parts, publisher
        self._eyes, self._ring, self._say = eyes, ring, say
        self._state, self._seq, self._problem = LoopState(), order.first_seq, ""
        self._tally = Tally(cameras=len(parts.rig.names), now_ns=time.monotonic_ns())
        self._joints = Outlet[JointsPart](joints_name(order.name))
        self._greeted, self._status = False, Status(source="live")
        self.rig_state = RigState()
        """How everything else is, as far as it was told."""

    def step(self) -> bool:
        """Answer the newest frame set, if there is a new one."""
        record = self._ring.newest()
        if record is None or (self._state.time_ns is not None and record.time_ns <= self._state.time_ns):
            return False
        begun_ns = time.monotonic_ns()
        asked = question(self._state, self._parts, time_ns=record.time_ns)
        placed_ns = time.monotonic_ns()
        looked = self._eyes.look(record.number, asked)
        seen_ns = time.monotonic_ns()
        stepped = step(
            self._state,
            asked,
            looked.sighting,
            self._parts,
            time_ns=record.time_ns,
            present=record.present,
        )
        self._state, self._problem = stepped.state, looked.problem
        self._tally.unanswered += looked.sighting is None
        stages = Stages(
            begun_ns=begun_ns,
            placed_ns=placed_ns,
            seen_ns=seen_ns,
            done_ns=time.monotonic_ns(),
            looked_ms=looked.looked_ms,
        )
        self._publish(record, stepped, stages)
        return True

    def look_after(self, pictures: Images | None, cloud: Cloud | None = None) -> None:
        """Hear commands, tell the state, pass pictures and clouds on."""
        for command in self._publisher.commands():
            if isinstance(command, SetRoi):
                self._state = replace(self._state, region=command.value)
            else:
                self._say(Relay(command=command))
        if pictures is not None:
            self._publisher.publish_images(pictures)
        if cloud is not None:
            self._publisher.publish_cloud(cloud)
        self._tell_status()
        ring = self._ring
        report = self._tally.report(
            time.monotonic_ns(), first=ring.first, skipped=ring.skipped, degraded=self._degraded()
        )
        if report is not None:
            self._say(report)

    def close(self) -> None:
        """Let go of what it opened itself."""
        self._joints.close()

    def _publish(self, record: RingRecord, stepped: Stepped, stages: Stages) -> None:
        named = stages.named_ms(record)
        frame = PoseFrame(
            seq=self._seq,
            time_ns=record.time_ns,
            published_ns=time.monotonic_ns(),
            actors=stepped.actors,
            view_present=record.present,
            metrics=PoseMetrics(
                reprojection_rms_px=reprojection_rms_px(stepped.actors),
                latency_ms=latency_ms(named),
                stages_ms=named,
            ),
            warnings=self._warnings(),
        )
        self._publisher.publish(frame)
        self._tally.add(frame)
        self._seq += 1
        if stepped.seen:
            self._joints.put(JointsPart(time_ns=record.time_ns, joints=stepped.seen[0].table()))
        if stepped.actors and not self._greeted:
            self._greeted = True
            self._say(FirstPose())

    def _warnings(self) -> tuple[str, ...]:
        own = (self._problem, self._degraded())
        return (*self._order.notes, *(each for each in own if each), *self.rig_state.warnings)

    def _degraded(self) -> str:
        if self._parts.learned is None:
            return "robust triangulation: there is no bundle for this skeleton"
        failure = self._state.failure
        return f"robust triangulation: {failure}" if failure else ""

    def _tell_status(self) -> None:
        told = self.rig_state
        detail = dict(told.parts)
        if self._degraded():
            detail["reconstructor"] = self._degraded()
        status = Status(
            source="live",
            roi=self._state.region,
            exposure_ns=told.exposure_ns,
            gain_db=told.gain_db,
            recording=told.recording,
            detail=detail,
        )
        if status != self._status:
            self._status = status
            self._publisher.publish_status(status)
