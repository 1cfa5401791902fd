"""A frame set that waits to be complete."""

from mvmono3d.deploy.sync.records import Absence, Frame, FrameSet


class OpenSet:
    """Frames of one pulse so far, by camera."""

    __slots__ = ("doubt_ns", "first_host_ns", "frames", "mask", "time_ns", "times_ns")

    def __init__(self, time_ns: int, *, doubt_ns: int, host_ns: int) -> None:
        self.time_ns, self.doubt_ns, self.first_host_ns = time_ns, doubt_ns, host_ns
        self.mask = 0
        self.frames: dict[int, Frame] = {}
        self.times_ns: dict[int, int] = {}

    def add(self, frame: Frame, time_ns: int) -> None:
        """Add a camera's frame with its time on the rig's clock."""
        self.frames[frame.camera] = frame
        self.times_ns[frame.camera] = time_ns
        self.mask |= 1 << frame.camera

    def remove(self, camera: int) -> Frame:
        """Take a camera's frame out again."""
        del self.times_ns[camera]
        self.mask &= ~(1 << camera)
        return self.frames.pop(camera)

    def closed(self, number: int, *, time_ns: int, absent: tuple[tuple[int, Absence], ...]) -> FrameSet:
        """Return the record of this set."""
        times = self.times_ns.values()
        return FrameSet(
            number=number,
            time_ns=time_ns,
            spread_ns=max(times) - min(times),
            frames=tuple([self.frames[camera] for camera in sorted(self.frames)]),
            absent=absent,
        )


def insert(sets: list[OpenSet], new: OpenSet) -> None:
    """Put a set where its time says; almost always at the end."""
    place = len(sets)
    while place and sets[place - 1].time_ns > new.time_ns:
        place -= 1
    sets.insert(place, new)


def nearest(sets: list[OpenSet], time_ns: int) -> OpenSet | None:
    """Return the set closest in time."""
    if len(sets) < 2:
        return sets[0] if sets else None
    return min(sets, key=lambda candidate: abs(candidate.time_ns - time_ns))
