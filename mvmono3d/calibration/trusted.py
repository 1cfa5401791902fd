"""Calibrate and judge: a rig with all that speaks for and against it, or the reasons why there is none."""

from dataclasses import dataclass, replace

import numpy as np

from mvmono3d.calibration.board_views import BoardViews, board_views
from mvmono3d.calibration.calibrate import calibrate, rough_start
from mvmono3d.calibration.checks_after import checked_after
from mvmono3d.calibration.checks_before import checked_before
from mvmono3d.calibration.checks_start import checked_start
from mvmono3d.calibration.checks_time import checked_offsets
from mvmono3d.calibration.coverage import Coverage, coverage
from mvmono3d.calibration.findings import Finding, Severity, refused, unsolved
from mvmono3d.calibration.motion_system import Motion
from mvmono3d.calibration.proportions import checked_proportions, measured_proportions
from mvmono3d.calibration.rolling_shutter import Readout, checked_readout, readout_times
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration, CalibrationSettings
from mvmono3d.calibration.time_offsets import TimeOffsets, synchronised, time_offsets
from mvmono3d.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a set of sightings."""

    findings: tuple[Finding, ...]
    """Those that refuse first."""
    coverage: Coverage
    views: BoardViews
    calibration: Calibration | None
    """None where nothing could be solved; a refused one is for the report, not for use."""
    offsets: TimeOffsets | None = None
    """None where the frames are no sequence of a moving board, or nothing could be solved."""
    readout: Readout | None = None
    """How long each camera reads an image; None as for `offsets`."""
    synchronised: bool = False
    """Whether the offsets were taken out of the sightings that the rig is solved from."""

    @property
    def accepted(self) -> bool:
        """Whether the rig may be used."""
        return self.calibration is not None and not refused(self.findings)


def judge(
    sightings: BoardSightings,
    *,
    settings: CalibrationSettings | None = None,
    motion: Motion | None = None,
    agree: bool = False,
) -> Judgement:
    """Check, solve and check again; what forbids a rig ends it at once.

    Args:
        sightings: Of every pose that the rig is solved from.
        settings: How.
        motion: Of the same poses, where the frames between them are known; else their own.
        agree: Cameras are known to agree roughly: that isn't checked again.

    Raises `UnknownNameError` for a lens model or a world pose that isn't there.
    """
    settings = CalibrationSettings() if settings is None else settings
    views, covered = board_views(sightings), coverage(sightings)
    findings, calibration = list(checked_before(sightings, views, covered)), None
    if not refused(findings):
        more, calibration = _solved(sightings, views, settings, agree=agree)
        findings += more
    offsets = None if calibration is None else time_offsets(calibration, sightings, motion)
    readout = None if calibration is None else readout_times(calibration, sightings, motion)
    if calibration is not None and offsets is not None:
        findings += checked_offsets(offsets, calibration)
    if calibration is not None and readout is not None:
        findings += checked_readout(readout, calibration)
    findings.sort(key=lambda finding: finding.severity is not Severity.REFUSE)
    return Judgement(
        findings=tuple(findings),
        coverage=covered,
        views=views,
        calibration=calibration,
        offsets=offsets,
        readout=readout,
    )


def judge_synchronised(
    sightings: BoardSightings, *, settings: CalibrationSettings | None = None, motion: Motion
) -> tuple[Judgement, BoardSightings]:
    """Judge, take out the cameras' time offsets if there are some, and judge again.

    Returns the judgement, with the offsets that were found, and the sightings that it is about.
    """
    first = judge(sightings, settings=settings, motion=motion)
    if first.offsets is None:
        return first, sightings
    moved = synchronised(sightings, motion, first.offsets)
    still = replace(motion, early=np.zeros_like(motion.early))
    found = judge(moved, settings=settings, motion=still, agree=True)
    return replace(found, offsets=first.offsets, synchronised=True), moved


def _solved(
    sightings: BoardSightings, views: BoardViews, settings: CalibrationSettings, *, agree: bool
) -> tuple[list[Finding], Calibration | None]:
    found = list(checked_proportions(measured_proportions(sightings, views)))
    if refused(found):
        return found, None
    try:
        start = rough_start(sightings)
        found += () if agree else checked_start(start, sightings)
        if refused(found):
            return found, None
        calibration = calibrate(sightings, settings=settings, start=start)
    except InvalidRecordError as error:
        return [*found, unsolved(error)], None
    floor = settings.world_pose is not None
    return [*found, *checked_after(calibration, sightings, views, floor=floor)], calibration
