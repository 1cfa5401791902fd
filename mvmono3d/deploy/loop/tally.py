"""What the loop did in the last second, for the line that people read."""

import statistics

from mvmono3d.deploy.loop.orders import LoopReport
from mvmono3d.deploy.server.pose_frame import PoseFrame

_PERIOD_NS = 1_000_000_000


class Tally:
    """Counts answers; says how it went once a second."""

    def __init__(self, *, cameras: int, now_ns: int) -> None:
        self._cameras, self._since_ns = cameras, now_ns
        self._frames: list[PoseFrame] = []
        self.unanswered = 0

    def add(self, frame: PoseFrame) -> None:
        """Count an answer."""
        self._frames.append(frame)

    def report(self, now_ns: int, *, first: int, skipped: int, degraded: str) -> LoopReport | None:
        """Return the report of the second that is over; `None` while it isn't."""
        if now_ns - self._since_ns < _PERIOD_NS:
            return None
        frames, elapsed_s = self._frames, (now_ns - self._since_ns) * 1e-9
        self._frames, self._since_ns = [], now_ns
        last = frames[-1] if frames else None
        return LoopReport(
            seq=-1 if last is None else last.seq,
            sets_hz=len(frames) / elapsed_s,
            first=first,
            skipped=skipped,
            unanswered=self.unanswered,
            latency_ms=statistics.median(each.metrics.latency_ms for each in frames) if frames else 0.0,
            stages_ms=_medians([dict(each.metrics.stages_ms) for each in frames]),
            views=0 if last is None else int(last.view_present.sum()),
            cameras=self._cameras,
            actors=0 if last is None else len(last.actors),
            degraded=degraded,
        )


def _medians(stages: list[dict[str, float]]) -> dict[str, float]:
    names = stages[0] if stages else {}
    return {name: statistics.median(each[name] for each in stages) for name in names}
