"""What a calibration's checks say: each with its reason and what to do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mvmono3d.errors import InvalidRecordError


class Severity(StrEnum):
    """How much a finding weighs."""

    REFUSE = "refuse"
    """No rig is written."""
    WARN = "warn"


class Fault(StrEnum):
    """Everything that a check can find."""

    TOO_FEW_BOARDS = "too few boards"
    POOR_COVERAGE = "poor coverage"
    PARALLEL_BOARDS = "boards all parallel"
    ONE_DEPTH = "boards all at one distance"
    WRONG_BOARD = "not this board"
    WRONG_PROPORTIONS = "squares of another shape"
    UNEVEN_BOARD = "board not as drawn"
    MIRRORED = "mirrored images"
    DUPLICATED_CAMERAS = "duplicated cameras"
    SWAPPED_CAMERAS = "swapped cameras"
    MISFIT_CAMERA = "camera that doesn't fit"
    MOVED_CAMERA = "camera moved"
    WRONG_SIDE = "camera behind the board"
    UNDER_FLOOR = "camera under the floor"
    DISCONNECTED = "cameras not connected"
    UNSYNCHRONISED = "cameras not synchronised"
    HELD_OUT_WORSE = "boards not used fit worse"
    UNCERTAIN = "uncertain rig"
    UNSOLVED = "no solution"
    JOINTS_DISAGREE = "cameras disagree about joints"
    BREATHING = "bones change their length"
    ROLLING_SHUTTER = "rolling shutter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or doubtful."""

    fault: Fault
    severity: Severity
    cameras: tuple[str, ...]
    """Whom it concerns; empty for the whole set."""
    message: str
    """What was measured and what would be right."""
    remedy: str
    """What to do."""

    def content(self) -> dict[str, str | list[str]]:
        """Return it as JSON takes it."""
        return {
            "fault": str(self.fault),
            "severity": str(self.severity),
            "cameras": list(self.cameras),
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Two limits of one number: past the first a check warns, past the second it refuses.

    Where `refuse` lies below `warn` the number should be large, else small.
    """

    warn: float
    refuse: float

    def grade(self, value: float) -> Severity | None:
        """Return how a number weighs; None where it is as it should be."""
        sign = 1.0 if self.refuse >= self.warn else -1.0
        if sign * value > sign * self.refuse:
            return Severity.REFUSE
        return Severity.WARN if sign * value > sign * self.warn else None


def graded_cameras(
    names: Sequence[str],
    values: Iterable[float],
    limits: Graded,
    *,
    fault: Fault,
    message: Callable[[int], str],
    remedy: Callable[[str], str],
) -> list[Finding]:
    """Return a finding for each camera whose number is past a limit; `message` gets its place in the rig."""
    found = []
    for view, (name, value) in enumerate(zip(names, values, strict=True)):
        severity = limits.grade(float(value))
        if severity is not None:
            found.append(
                Finding(
                    fault=fault,
                    severity=severity,
                    cameras=(name,),
                    message=message(view),
                    remedy=remedy(name),
                )
            )
    return found


def refused(findings: Iterable[Finding]) -> bool:
    """Say whether one of them forbids a rig."""
    return any(finding.severity is Severity.REFUSE for finding in findings)


def unsolved(error: InvalidRecordError) -> Finding:
    """Return what a solver says of sightings that it can't take, as a finding."""
    reason, _, remedy = str(error).rpartition(": ")
    return Finding(
        fault=Fault.UNSOLVED,
        severity=Severity.REFUSE,
        cameras=(),
        message=reason or remedy,
        remedy=remedy if reason else "record more",
    )
