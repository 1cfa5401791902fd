"""What has been decided and not yet been handed out."""

from mvmono3d.deploy.sync.records import Cause, Event, Frame, FrameSet, Happening, Loss, Outcome

_NOTHING = Outcome()


class Log:
    """Collects sets, losses and events until they are taken."""

    __slots__ = ("_events", "_losses", "sets")

    def __init__(self) -> None:
        self.sets: list[FrameSet] = []
        self._losses: list[Loss] = []
        self._events: list[Event] = []

    def lose(self, frame: Frame, cause: Cause) -> None:
        """Note that a frame is in no set."""
        self._losses.append(Loss(frame=frame, cause=cause))

    def tell(self, camera: int, happening: Happening, host_ns: int) -> None:
        """Note what happened to a camera."""
        self._events.append(Event(camera=camera, happening=happening, host_ns=host_ns))

    def take(self) -> Outcome:
        """Hand out what was noted since the last time."""
        if not (self.sets or self._losses or self._events):
            return _NOTHING
        outcome = Outcome(sets=tuple(self.sets), losses=tuple(self._losses), events=tuple(self._events))
        self.sets, self._losses, self._events = [], [], []
        return outcome
