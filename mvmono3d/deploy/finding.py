"""One line of a doctor's report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, how it is, and what to do where something is wrong."""

    subject: str
    state: str
    healthy: bool = True
    remedy: str = ""
    """What to do; only where something is wrong."""


def bad(subject: str, state: str, remedy: str) -> Finding:
    """Return a red line."""
    return Finding(subject=subject, state=state, healthy=False, remedy=remedy)
