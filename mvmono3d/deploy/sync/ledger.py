"""The ledger: every delivered frame is used, in hand, or lost by exactly one cause."""

from collections import Counter
from dataclasses import dataclass

from mvmono3d.deploy.sync.records import Absence, Cause, FrameSet, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraAccount:
    """What became of one camera's frames, and of the sets that it should have been in."""

    delivered: int
    used: int
    in_hand: int
    """Counted where they wait, not computed as a rest."""
    lost: tuple[tuple[Cause, int], ...]
    absent: tuple[tuple[Absence, int], ...]
    """Sets without a frame of this camera, by reason."""

    @property
    def balanced(self) -> bool:
        """Say whether delivered = used + in hand + the sum of all losses."""
        return self.delivered == self.used + self.in_hand + sum(count for _, count in self.lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The ledger at one moment."""

    cameras: tuple[CameraAccount, ...]
    sets: int
    """Trigger pulses that at least one camera saw."""
    complete: int
    blank: int
    """Trigger pulses that no camera saw, where the trigger is periodic: gaps of whole periods."""

    @property
    def expected(self) -> int:
        """Trigger pulses since the first one that was seen."""
        return self.sets + self.blank

    @property
    def balanced(self) -> bool:
        """Say whether every frame is accounted for, and every place in every set."""
        places = (
            account.used + sum(count for _, count in account.absent) == self.sets for account in self.cameras
        )
        return all(account.balanced for account in self.cameras) and all(places)


class Ledger:
    """Counts what goes into an assembler and what comes out; the two sides never look at each other."""

    def __init__(self, *, cameras: int, period_ns: int) -> None:
        self._period_ns = period_ns
        self._delivered = [0] * cameras
        self._used = [0] * cameras
        self._lost: list[Counter[Cause]] = [Counter() for _ in range(cameras)]
        self._absent: list[Counter[Absence]] = [Counter() for _ in range(cameras)]
        self._sets = self._complete = self._blank = 0
        self._last_ns: int | None = None

    def deliver(self, camera: int) -> None:
        """Count a frame that the transport delivered, before anything is decided about it."""
        self._delivered[camera] += 1

    def settle(self, outcome: Outcome) -> None:
        """Count what an assembler decided."""
        for frame_set in outcome.sets:
            self._count(frame_set)
        for loss in outcome.losses:
            self._lost[loss.frame.camera][loss.cause] += 1

    def _count(self, frame_set: FrameSet) -> None:
        self._sets += 1
        self._complete += not frame_set.absent
        if self._last_ns is not None:
            periods = (frame_set.time_ns - self._last_ns + self._period_ns // 2) // self._period_ns
            self._blank += max(0, periods - 1)
        self._last_ns = frame_set.time_ns
        for frame in frame_set.frames:
            self._used[frame.camera] += 1
        for camera, absence in frame_set.absent:
            self._absent[camera][absence] += 1

    def accounts(self, in_hand: tuple[int, ...]) -> Accounts:
        """Return the ledger as it stands, with the frames of each camera that still wait."""
        cameras = [
            CameraAccount(
                delivered=self._delivered[camera],
                used=self._used[camera],
                in_hand=waiting,
                lost=tuple(self._lost[camera].items()),
                absent=tuple(self._absent[camera].items()),
            )
            for camera, waiting in enumerate(in_hand)
        ]
        return Accounts(cameras=tuple(cameras), sets=self._sets, complete=self._complete, blank=self._blank)
