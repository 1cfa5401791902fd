"""What the assembler knows of one camera: its clock, its ids, how long its frames travel, what waits."""

from collections import deque
from enum import Enum

from mvmono3d.deploy.sync.clock import CameraClock
from mvmono3d.deploy.sync.ids import FrameIds
from mvmono3d.deploy.sync.log import Log
from mvmono3d.deploy.sync.records import Cause, Frame, Happening
from mvmono3d.deploy.sync.settings import SyncSettings

_LEAK_BITS = 8
_SETTLED = 64


class State(Enum):
    """How far a camera's frames can be used."""

    LOCKED = "locked"
    """Its clock is known."""
    SUSPECT = "suspect"
    """Its clock may have jumped: frames wait for a clock sample."""
    UNKNOWN = "unknown"
    """No clock sample yet."""
    LOST = "lost"
    """It says nothing while others deliver, or was disconnected."""


class Travel:
    """How long a camera's frames take from exposure to host: never less than a floor.

    Readout and transfer take a fixed time and queues only add to it. A frame that seems to have travelled
    faster than the floor therefore carries a clock that jumped ahead, though its time may look like
    another pulse's. The floor leaks upwards so that it follows drift and a longer exposure.
    """

    __slots__ = ("_early_ns", "_late_ns", "_most_leak_ns", "_seen", "floor_ns")

    def __init__(self, *, period_ns: int) -> None:
        self._early_ns = period_ns // 8
        self._late_ns = period_ns * 3 // 4
        # One long stall must not lift the floor.
        self._most_leak_ns = period_ns >> 10
        self.floor_ns: int | None = None
        self._seen = 0

    @property
    def settled(self) -> bool:
        """Say whether enough frames were seen for the floor to be one."""
        return self._seen >= _SETTLED

    def impossible(self, travel_ns: int) -> bool:
        """Say whether the frame seems to have arrived before it can have been read out."""
        return self.floor_ns is not None and travel_ns < self.floor_ns - self._early_ns

    def delayed(self, travel_ns: int) -> bool:
        """Say whether it took almost a period longer than it can: a queue, or a clock that jumped back."""
        return self.floor_ns is not None and travel_ns > self.floor_ns + self._late_ns

    def learn(self, travel_ns: int) -> None:
        """Take the travel of a frame that is trusted."""
        floor = self.floor_ns
        self._seen += 1
        if floor is None or travel_ns < floor:
            self.floor_ns = travel_ns
        else:
            self.floor_ns = floor + min((travel_ns - floor) >> _LEAK_BITS, self._most_leak_ns)

    def forget(self) -> None:
        """Begin anew, after something that a frame's travel depends on was changed."""
        self.floor_ns, self._seen = None, 0


class Camera:
    """The state of one camera in the assembler."""

    __slots__ = (
        *("bit", "clock", "gapless_from_ns", "heard_ns", "ids", "newest_ns", "number"),
        *("placed_ns", "since_ns", "state", "stepped", "travel", "verified_ns", "waiting"),
    )

    def __init__(self, number: int, *, settings: SyncSettings) -> None:
        self.number, self.bit = number, 1 << number
        self.clock = CameraClock(max_drift_ppm=settings.max_drift_ppm)
        self.ids = FrameIds(modulus=settings.id_modulus)
        self.travel = Travel(period_ns=settings.period_ns)
        self.state = State.LOCKED if settings.synchronised else State.UNKNOWN
        self.stepped = False
        """While suspect: its clock certainly jumped, so that only a new offset will do."""
        self.waiting: deque[tuple[Frame, int]] = deque()
        """Frames that need a clock sample first, in the order of arrival, all of one clock epoch; each with
        its step in id."""
        self.heard_ns: int | None = None
        """Host time of the last frame."""
        self.since_ns = 0
        """Host time at which the state was entered."""
        self.verified_ns: int | None = None
        """Device time of the last clock sample that agreed: until then the clock held."""
        self.newest_ns: int | None = None
        """Rig time of the newest placed frame."""
        self.gapless_from_ns: int | None = None
        """Rig time of the frame since which no id is missing."""
        self.placed_ns: int | None = None
        """Rig time of the frame placed last."""

    def expected(self, host_ns: int, *, patience_ns: int) -> bool:
        """Say whether a set should wait for this camera: not for long while its clock is unknown."""
        if self.state is State.LOCKED:
            return True
        return self.state is not State.LOST and bool(self.waiting) and host_ns - self.since_ns <= patience_ns

    def passed_over(self, time_ns: int, *, gate_ns: int) -> bool:
        """Say whether it exposed before and after this time with contiguous ids: it missed the trigger."""
        first, last = self.gapless_from_ns, self.newest_ns
        if first is None or last is None:
            return False
        return first < time_ns - gate_ns and time_ns + gate_ns < last

    def silent(self, host_ns: int, *, limit_ns: int) -> bool:
        """Say whether it has said nothing for so long; before its first frame, since others were heard."""
        if self.heard_ns is None:
            self.heard_ns = host_ns
        return self.state is not State.LOST and host_ns - self.heard_ns > limit_ns

    def advance(self, time_ns: int, *, travel_ns: int, contiguous: bool) -> None:
        """Take note of a trusted frame that is newer than all before."""
        self.travel.learn(travel_ns)
        self.newest_ns = time_ns
        if not contiguous or self.gapless_from_ns is None:
            self.gapless_from_ns = time_ns

    def take_waiting(self) -> tuple[tuple[Frame, int], ...]:
        """Hand out the frames that waited for a clock sample, with their steps in id."""
        frames = tuple(self.waiting)
        self.waiting.clear()
        return frames

    def abandon(self, log: Log, cause: Cause, *, until_host_ns: int | None = None) -> None:
        """Lose the frames that wait; only those that came until then, if that is given."""
        while self.waiting and (until_host_ns is None or self.waiting[0][0].host_ns <= until_host_ns):
            log.lose(self.waiting.popleft()[0], cause)

    def welcome(self, host_ns: int) -> None:
        """Begin anew with a camera that is back: its clock and its ids may have started again."""
        self.state, self.since_ns = State.UNKNOWN, host_ns
        self.travel.forget()
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Forget what was said on a clock that no longer holds."""
        self.ids.forget()
        self.newest_ns = self.gapless_from_ns = self.placed_ns = self.verified_ns = None


def give_up(camera: Camera, log: Log, *, host_ns: int) -> None:
    """Let a camera be lost: nobody waits for it."""
    if camera.state is not State.LOST:
        camera.state, camera.since_ns = State.LOST, host_ns
        camera.abandon(log, Cause.UNSYNCHRONISED)
        log.tell(camera.number, Happening.CAMERA_LOST, host_ns)
