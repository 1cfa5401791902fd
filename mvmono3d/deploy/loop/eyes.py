"""The loop's end of the detector: a question, an answer or none in time."""

import time
from typing import NamedTuple

from mvmono3d.deploy.detect.exchange import (
    Answer,
    Ask,
    Inlet,
    Outlet,
    answer_name,
    ask_name,
    sighting_of,
    windows_part,
)
from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.loop.state import Question

_AGAIN_S = 0.02
_SEARCH_S = 2.0
"""While nobody is followed nothing is lost by waiting, and on a slow machine a search takes long: giving up
before the answer would never find anybody."""


class Looked(NamedTuple):
    """What came of a question."""

    sighting: Sighting | None
    """`None` where there was no answer."""
    looked_ms: float
    """How long the detector itself took."""
    problem: str
    """Why there was none; empty where there was."""


class RemoteEyes:
    """Asks the detector's process; while that is gone, says so at once and not after the patience.

    Raises `InvalidFileError` where another loop asks under this name.
    """

    def __init__(self, name: str, *, views: int, joints: int, patience_s: float) -> None:
        self._asks = Outlet[Ask](ask_name(name))
        self._answers = Inlet(answer_name(name), Answer)
        self._views, self._joints, self._patience_s = views, joints, patience_s

    def look(self, number: int, asked: Question) -> Looked:
        """Return what the detector sees in a frame set of the ring."""
        self._answers.take(0.0)
        if not self._answers.writer_lives:
            return Looked(None, 0.0, "the detector is not there")
        self._asks.put(
            Ask(number=number, windows=[windows_part(each) for each in asked.windows], search=asked.search)
        )
        patience_s = self._patience_s if asked.windows else max(self._patience_s, _SEARCH_S)
        end_s = time.monotonic() + patience_s
        while (left_s := end_s - time.monotonic()) > 0:
            answer = self._answers.take(min(left_s, _AGAIN_S))
            if answer is not None and answer.number == number:
                return self._looked(answer)
            if answer is None and not self._answers.writer_lives:
                return Looked(None, 0.0, "the detector is not there")
        return Looked(None, 0.0, f"the detector did not answer within {patience_s:g} s")

    def close(self) -> None:
        """Let go; safe to call twice."""
        self._asks.close()
        self._answers.close()

    def _looked(self, answer: Answer) -> Looked:
        if answer.error:
            return Looked(None, answer.looked_ms, f"the detector failed: {answer.error}")
        seen = sighting_of(answer.joints, views=self._views, count=self._joints)
        return Looked(seen, answer.looked_ms, "")
