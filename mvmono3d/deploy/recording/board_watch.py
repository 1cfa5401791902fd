"""Looks for the board in a thread of its own, whenever that one is idle: recording never waits for it."""

from concurrent.futures import Future, ThreadPoolExecutor

from mvmono3d.deploy.recording.board_coach import Advice, BoardCoach
from mvmono3d.deploy.recording.frame import FrameSet

_REMEDIES = 3
"""More at once are not read by somebody who holds a board."""


class BoardWatch:
    """A coach and its thread; `show` hands it sets, `advice` is its newest answer."""

    def __init__(self, coach: BoardCoach) -> None:
        self._coach, self.advice = coach, coach.advice()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="board")
        self._looking: Future[Advice] | None = None

    def show(self, frames: FrameSet) -> None:
        """Hand it a set, which is looked at if the last one is done; raises what went wrong with that one."""
        if self._looking is not None:
            if not self._looking.done():
                return
            self.advice = self._looking.result()
        self._looking = self._pool.submit(self._look, frames)

    def close(self) -> None:
        """Finish the last look; safe to call twice."""
        self._pool.shutdown()
        if self._looking is not None:
            self.advice = self._looking.result()

    def _look(self, frames: FrameSet) -> Advice:
        return self._coach.advice() if self._coach.look(frames) else self.advice


def advice_lines(advice: Advice) -> list[str]:
    """Say it in lines: one for each camera, then what to do."""
    lines = []
    for camera in advice.cameras:
        missing = f"missing: {', '.join(camera.missing)}" if camera.missing else "all of it"
        covered = f"{100 * camera.covered:3.0f} % of the image"
        lines.append(f"  {camera.camera}: {covered}, {camera.poses} poses; {missing}")
    if advice.enough:
        return [*lines, "  enough for a calibration; more does no harm"]
    return [*lines, *(f"  → {remedy}" for remedy in advice.remedies[:_REMEDIES])]
