"""Starts a rig's processes, looks after them, and ends them all."""

import dataclasses
import queue
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from mvmono3d.deploy.capture.handle import CaptureHandle, check_free
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.cloud.orders import CloudWords
from mvmono3d.deploy.live.child import Child, Heard, State
from mvmono3d.deploy.live.obey import recorder_part, set_exposure
from mvmono3d.deploy.live.orders import Opinion, PlaceAnew, Placed, Taking
from mvmono3d.deploy.live.plan import CLOUD, GUARD, LOOP, RECORDER, SERVER, VIEWER, Plan
from mvmono3d.deploy.live.words import status_line
from mvmono3d.deploy.loop.orders import FirstPose, LoopReport, Relay, RigState
from mvmono3d.deploy.recording.from_ring import decibels
from mvmono3d.deploy.ring.pipe import remove_pipes
from mvmono3d.deploy.server.messages import (
    ClientMessage,
    Recalibrate,
    SetExposure,
    StartRecording,
    StopRecording,
    Take,
)
from mvmono3d.deploy.worker import Ready
from mvmono3d.errors import CameraError, ConfigurationError, MVMono3DError

_TURN_S, _LINE_S, _STALE_S = 0.05, 1.0, 2.5
_STOP_S, _GIVE_UP_S = 20.0, 1.0
_REFUSAL_S = 10.0
"""How long a command that was refused stands in the stream."""
_LATE_S = 3.0
"""How long a death stays a warning once the part is back."""

Said = Ready | LoopReport | Relay | FirstPose | Taking | Opinion | Placed | CloudWords


class Supervisor:
    """One run of a rig."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._heard = plan, queue.SimpleQueue[Heard]()
        self._children: dict[str, Child] = {}
        self._capture: CaptureHandle | None = None
        self._captured = False
        self._report: LoopReport | None = None
        self._report_s = self._line_s = 0.0
        self._told = RigState()
        self._leaving: list[Child] = []
        """Asked to end, and still writing."""
        self._cameras_died_s = -_LATE_S
        self._asked = False
        self._posed_s: float | None = None
        self._recording: str | None = None
        self._opinion = Opinion(words="starting")
        self._clouds = ""
        self._refusal, self._refusal_s = "", 0.0
        self._begun_s = time.monotonic()

    def ask_to_end(self) -> None:
        """End soon; may be called by a signal handler."""
        self._asked = True

    def run(self, *, seconds: float | None = None) -> int:
        """Run until asked to end, or a recording that is played is over; returns the exit code.

        With `seconds`, so long after the first pose at most.

        Raises the reason where the cameras or a part could not begin.
        """
        try:
            check_free(self._plan.capture.ring)
            self._capture = CaptureHandle(self._plan.capture)
            for part in self._plan.parts:
                if part.name not in (*self._plan.late, VIEWER):
                    self._children[part.name] = Child(part, self._heard)
            while not self._asked and not self._turn():
                since_s = 0.0 if self._posed_s is None else time.monotonic() - self._posed_s
                self._asked |= seconds is not None and since_s >= seconds
        finally:
            self._end()
        return 0

    def _turn(self) -> bool:
        """Hear, look, tell; returns whether it is over."""
        self._hear()
        now_s, health = time.monotonic(), self._look_at_capture()
        if health.state is CaptureState.ENDED:
            return True
        for child in self._children.values():
            child.look(now_s)
        self._start_late(health)
        self._tell(health, now_s)
        if now_s - self._line_s >= _LINE_S:
            self._line_s = now_s
            self._print(health, now_s)
        return False

    def _start_late(self, health: CaptureHealth) -> None:
        """Start what has to wait for the cameras, or for the stream."""
        for part in self._plan.parts:
            if part.name in self._children:
                continue
            waits = part.name in self._plan.late and health.state is not CaptureState.RUNNING
            streams = all(self._children[name].state is State.RUNNING for name in (SERVER, LOOP))
            if not waits and (part.name != VIEWER or streams):
                self._children[part.name] = Child(part, self._heard)

    def _hear(self) -> None:
        end_s = time.monotonic() + _TURN_S
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                heard = self._heard.get(timeout=left_s)
            except queue.Empty:
                return
            self._take(heard)

    def _take(self, heard: Heard) -> None:
        child = self._children.get(heard.part)
        if child is None:
            return
        if child.part.order is None:
            self._note_address(child, heard.line.decode(errors="replace").strip())
            return
        said = msgspec.json.decode(heard.line, type=Said)
        if isinstance(said, Ready):
            self._note_ready(child, said)
        elif isinstance(said, LoopReport):
            self._report, self._report_s = said, time.monotonic()
        elif isinstance(said, FirstPose):
            self._note_first_pose()
        elif isinstance(said, Relay):
            self._obey(said.command)
        else:
            self._note(said)

    def _note(self, said: Taking | Opinion | Placed | CloudWords) -> None:
        if isinstance(said, Taking):
            self._recording = Path(said.folder).name
        elif isinstance(said, Opinion):
            self._opinion = said
        elif isinstance(said, CloudWords):
            self._clouds = said.words
        else:
            self._take_over(said)

    def _note_address(self, child: Child, line: str) -> None:
        """Note that a server or a viewer listens: it says where."""
        if line.startswith(("http", "ws")):
            if not child.deaths:
                self._write(f"{child.part.name}: {line}")
            child.ready()

    def _note_first_pose(self) -> None:
        if self._posed_s is None:
            self._posed_s = time.monotonic()
            self._write(f"first pose {self._posed_s - self._begun_s:.1f} s after the start")

    def _note_ready(self, child: Child, said: Ready) -> None:
        worked = child.state is State.RUNNING
        child.ready(said.error)
        if child.part.name == LOOP:
            # A new one knows nothing yet.
            self._told = RigState()
        if not said.error or child.deaths or worked:
            # Last words of one that is started again.
            return
        if child.part.name != RECORDER:
            raise MVMono3DError(f"{child.part.name}: {said.error}")
        self._refuse(said.error)
        self._stop_recording()

    def _obey(self, command: ClientMessage) -> None:
        """Carry a command out; what is refused stands in the stream for a while."""
        try:
            if isinstance(command, SetExposure) and self._capture is not None:
                set_exposure(self._capture, command.value)
            elif isinstance(command, StartRecording):
                self._start_recording(command.value)
            elif isinstance(command, StopRecording):
                self._stop_recording()
            elif isinstance(command, Recalibrate):
                self._children[GUARD].tell(PlaceAnew())
        except MVMono3DError as error:
            self._refuse(str(error))

    def _start_recording(self, take: Take) -> None:
        if RECORDER in self._children:
            raise ConfigurationError(f"start_recording: {self._recording} is being recorded; stop it first")
        self._children[RECORDER] = Child(recorder_part(self._plan, take), self._heard)

    def _stop_recording(self) -> None:
        recorder = self._children.pop(RECORDER, None)
        self._recording = None
        if recorder is not None:
            recorder.ask_to_end()
            self._leaving.append(recorder)

    def _take_over(self, placed: Placed) -> None:
        """Let all who use the rig go on with the one that was placed anew; clients are greeted again."""
        if placed.refusal:
            self._refuse(placed.refusal)
            return
        self._write(f"rig placed anew: {placed.rig}; the site file still names the old one")
        for name in (LOOP, GUARD, CLOUD):
            child = self._children.get(name)
            if child is not None and child.part.order is not None:
                order = msgspec.structs.replace(child.part.order, rig=placed.rig)
                child.replace(dataclasses.replace(child.part, order=order))
        self._opinion = Opinion(words="learning anew")

    def _refuse(self, why: str) -> None:
        self._refusal, self._refusal_s = why, time.monotonic()
        self._write(f"refused: {why}")

    def _look_at_capture(self) -> CaptureHealth:
        if self._capture is None:
            raise CameraError("no capture process")
        health = self._capture.health()
        self._captured |= health.state is CaptureState.RUNNING
        if health.state is CaptureState.FAILED or not (self._capture.alive or self._captured):
            if not self._captured:
                raise CameraError(f"no capture: {health.message or 'see what stands above'}")
            self._cameras_died_s = time.monotonic()
            self._capture.stop()
            self._capture = CaptureHandle(self._plan.capture)
        return health

    def _tell(self, health: CaptureHealth, now_s: float) -> None:
        """Tell the loop how everything is, where that is news; it puts it into the stream."""
        lighting = health.lighting
        state = RigState(
            parts=self._words(health),
            warnings=self._troubles(now_s, health),
            exposure_ns=None if lighting is None else lighting.exposure_ns,
            gain_db=None if lighting is None else decibels(lighting.gain),
            recording=self._recording,
        )
        if state != self._told and self._children[LOOP].state is State.RUNNING:
            self._told = state
            self._children[LOOP].tell(state)

    def _words(self, health: CaptureHealth) -> dict[str, str]:
        words = {name: each.words for name, each in self._children.items()}
        if CLOUD in words and self._children[CLOUD].state is State.RUNNING:
            words[CLOUD] += f", {self._clouds}"
        return {"cameras": str(health.state), **words, "rig": self._opinion.moved or self._opinion.words}

    def _troubles(self, now_s: float, health: CaptureHealth) -> tuple[str, ...]:
        found = [
            f"{name} {each.words}" for name, each in self._children.items() if each.state is State.RESTARTING
        ]
        found += [
            f"{name} died and is back"
            for name, each in self._children.items()
            if each.deaths and each.state is State.RUNNING and now_s - each.ready_s < _LATE_S
        ]
        found += ["cameras died"] if now_s - self._cameras_died_s < _LATE_S else []
        found += [f"rig moved: {self._opinion.moved}"] if self._opinion.moved else []
        found += [self._refusal] if self._refusal and now_s - self._refusal_s < _REFUSAL_S else []
        return (*found, *((health.message,) if health.message else ()))

    def _print(self, health: CaptureHealth, now_s: float) -> None:
        fresh = self._report if now_s - self._report_s < _STALE_S else None
        self._write(
            status_line(fresh, health, recording=self._recording, troubles=self._troubles(now_s, health))
        )

    def _write(self, line: str) -> None:
        # Whoever reads the lines may have gone; the rig goes on.
        with suppress(BrokenPipeError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def _end(self) -> None:
        for child in self._children.values():
            child.ask_to_end()
        for child in (*self._children.values(), *self._leaving):
            child.await_end()
        if self._children:
            remove_pipes(self._plan.capture.ring)
        if self._capture is not None:
            # Cameras that are still being opened, or a scene that is rendered, are not waited for.
            self._capture.stop(timeout_s=_STOP_S if self._captured else _GIVE_UP_S)
