"""Do joints carry a calibration? What refuses or warns, each with its reason and what to do."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.calibration.checks_time import offset_in_words
from mvmono3d.calibration.findings import Fault, Finding, Graded, Severity, graded_cameras, refused, unsolved
from mvmono3d.calibration.keypoint_refine import KnownLength
from mvmono3d.calibration.keypoint_rig import JointCalibration, calibrate_by_joints
from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError
from mvmono3d.formats.recording import RecordingRead
from mvmono3d.geometry.rigid import camera_centres

SOLVED = Graded(warn=0.75, refuse=0.5)
"""Share of the joints seen by two cameras that the cameras agree on: below."""
AGREEING = Graded(warn=0.85, refuse=0.75)
"""Share of a camera's detections that agree with the others: below."""
RESIDUAL = Graded(warn=0.004, refuse=0.01)
"""Median residual at frames that took no part over the image's diagonal: above."""
BREATHING = Graded(warn=0.08, refuse=0.2)
"""Spread of bones' lengths over their length: above."""
TURN_DEG = Graded(warn=0.5, refuse=2.0)
"""Standard deviation of a camera's turn: above."""
PLACE = Graded(warn=0.02, refuse=0.08)
"""Standard deviation of a camera's place over its distance to the joints: above."""
LENGTH = Graded(warn=0.01, refuse=0.05)
"""Standard deviation of the scale: above."""
FOCAL = Graded(warn=0.01, refuse=0.1)
"""Standard deviation of a focal length that was sought, over itself: above."""

DOUBT = Graded(warn=0.0, refuse=0.1)
"""By how much a known focal length contradicts the joints (logarithm), beyond three deviations: above."""
OFFSET = Graded(warn=1.0, refuse=4.0)
"""What a time offset does to joints over the median residual: above."""
_CERTAIN = 4.0
"""Standard deviations of an offset that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointJudgement:
    """What became of a recording of joints."""

    findings: tuple[Finding, ...]
    calibration: JointCalibration | None
    """None where nothing could be solved; a refused one is for the report, not for use."""

    @property
    def accepted(self) -> bool:
        """Whether the rig may be used."""
        return self.calibration is not None and not refused(self.findings)


def judge_joints(
    recording: RecordingRead, *, known: KnownLength, upward: tuple[int, int] | None, focal: bool
) -> JointJudgement:
    """Calibrate by joints and check what came out; see `calibrate_by_joints`."""
    try:
        found = calibrate_by_joints(
            recording.detections.observations,
            recording.rig,
            recording.skeleton,
            known=known,
            upward=upward,
            focal=focal,
        )
    except InvalidRecordError as error:
        return JointJudgement(findings=(unsolved(error),), calibration=None)
    return JointJudgement(findings=checked_joints(found), calibration=found)


def checked_joints(found: JointCalibration) -> tuple[Finding, ...]:
    """Return what speaks against a rig that joints placed; those that refuse come first."""
    findings = [
        *_agreement(found),
        *_residual(found),
        *_breathing(found),
        *_uncertain(found),
        *_length(found),
        *_focal(found),
        *_wrong_lens(found),
        *_late(found),
    ]
    return tuple(sorted(findings, key=lambda finding: finding.severity is not Severity.REFUSE))


def _agreement(found: JointCalibration) -> list[Finding]:
    findings = []
    severity = SOLVED.grade(found.solved)
    if severity is not None:
        findings.append(
            Finding(
                fault=Fault.JOINTS_DISAGREE,
                severity=severity,
                cameras=(),
                message=f"cameras agree on {100 * found.solved:.0f} % of the joints that two of them see, "
                f"expected at least {100 * SOLVED.warn:.0f} %",
                remedy="check that recordings start at one instant and show one actor, that no picture is "
                "mirrored, and which person was detected",
            )
        )
    return findings + graded_cameras(
        found.rig.names,
        found.agreeing,
        AGREEING,
        fault=Fault.MISFIT_CAMERA,
        message=lambda view: (
            f"{100 * found.agreeing[view]:.0f} % of what {found.rig.names[view]} detects "
            f"agrees with the others, expected at least {100 * AGREEING.warn:.0f} %"
        ),
        remedy=lambda name: (
            f"look at the detections of {name}: left and right exchanged, another person, "
            "another start of the recording?"
        ),
    )


def _residual(found: JointCalibration) -> list[Finding]:
    diagonal = float(np.linalg.norm(found.rig.camera.size_px, axis=-1).mean())
    share = found.refined.after_px / diagonal
    severity = RESIDUAL.grade(share)
    if severity is None:
        return []
    return [
        Finding(
            fault=Fault.JOINTS_DISAGREE,
            severity=severity,
            cameras=(),
            message=f"at frames that took no part joints lie {found.refined.after_px:.1f} px off (median), "
            f"expected below {RESIDUAL.warn * diagonal:.1f} px",
            remedy="check the lenses, the pairing of frames in time, and the detector on these pictures",
        )
    ]


def _breathing(found: JointCalibration) -> list[Finding]:
    severity = BREATHING.grade(found.breathing)
    if severity is None:
        return []
    return [
        Finding(
            fault=Fault.BREATHING,
            severity=severity,
            cameras=(),
            message=f"bones change their length by {100 * found.breathing:.0f} % (standard deviation, median "
            f"over bones), expected below {100 * BREATHING.warn:.0f} %",
            remedy="a true rig keeps bones as long as they are: check lenses and pairing, or take a detector "
            "that is steadier on these pictures",
        )
    ]


def _uncertain(found: JointCalibration) -> list[Finding]:
    turn_deg = np.degrees(found.rig.pose_sigma[:, 0])
    place = found.rig.pose_sigma[:, 1] / _distances(found)
    # One number for both: 1 where the first of them reaches its limit.
    worst = np.maximum(turn_deg / TURN_DEG.warn, place / PLACE.warn)
    return graded_cameras(
        found.rig.names,
        worst,
        Graded(warn=1.0, refuse=TURN_DEG.refuse / TURN_DEG.warn),
        fault=Fault.UNCERTAIN,
        message=lambda view: (
            f"{found.rig.names[view]} moves by {turn_deg[view]:.2f} degrees and "
            f"{100 * place[view]:.1f} % of its distance when some of the joints are left out, expected below "
            f"{TURN_DEG.warn:g} degrees and {100 * PLACE.warn:g} %"
        ),
        remedy=lambda name: (
            f"record longer, with motion through all of the volume that {name} sees, near "
            "and far; or calibrate with a board"
        ),
    )


def _distances(found: JointCalibration) -> Array:
    centres = camera_centres(found.rig.camera_from_world)
    return np.linalg.norm(centres - np.median(found.points_world, axis=0), axis=-1)


def _length(found: JointCalibration) -> list[Finding]:
    length = found.refined.length
    if length is None:
        return []
    share = length.factor_sigma / length.factor
    severity = LENGTH.grade(share)
    if severity is None:
        return []
    return [
        Finding(
            fault=Fault.UNCERTAIN,
            severity=severity,
            cameras=(),
            message=f"the known length gives the scale to {100 * share:.1f} % only, expected below "
            f"{100 * LENGTH.warn:g} %",
            remedy="take a longer bone or bar, seen by three cameras for longer",
        )
    ]


def _focal(found: JointCalibration) -> list[Finding]:
    return graded_cameras(
        found.rig.names,
        found.focal_sigma,
        FOCAL,
        fault=Fault.UNCERTAIN,
        message=lambda view: (
            f"the focal length of {found.rig.names[view]}, "
            f"{found.focal_factor[view]:.2f} of the guess, is known to {100 * found.focal_sigma[view]:.1f} % "
            f"only, expected {100 * FOCAL.warn:g} %: sizes in depth are off alike"
        ),
        remedy=lambda name: f"measure the lens of {name} with a board once, and give it by --lenses",
    )


def _wrong_lens(found: JointCalibration) -> list[Finding]:
    def message(view: int) -> str:
        doubt = float(found.focal_doubt[view])
        return (
            f"the lens of {found.rig.names[view]} doesn't fit: joints ask for a focal length that is at "
            f"least {100 * abs(doubt):.0f} % {'longer' if doubt > 0.0 else 'shorter'}"
        )

    return graded_cameras(
        found.rig.names,
        np.abs(found.focal_doubt),
        DOUBT,
        fault=Fault.MISFIT_CAMERA,
        message=message,
        remedy=lambda name: (
            f"check that --lenses holds the lens, zoom and image size that {name} had; or "
            "seek them with --guess"
        ),
    )


def _late(found: JointCalibration) -> list[Finding]:
    offsets = found.offsets
    if offsets is None:
        return []
    certain = np.abs(offsets.offset) >= _CERTAIN * offsets.sigma
    typical = max(float(np.median(found.residual_px)), 1.0)
    return graded_cameras(
        found.rig.names,
        np.where(certain, offsets.moves_px / typical, 0.0),
        OFFSET,
        fault=Fault.UNSYNCHRONISED,
        message=lambda view: (
            f"{found.rig.names[view]} exposes {offset_in_words(offsets, view)}: with this "
            f"motion that moves joints by {offsets.moves_px[view]:.1f} px"
        ),
        remedy=lambda name: "trigger the cameras together, or give each frame its own time",
    )
