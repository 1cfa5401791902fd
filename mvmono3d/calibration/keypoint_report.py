"""What became of a rig that joints placed, for a terminal and for programs."""

from typing import Any

import numpy as np

from mvmono3d.calibration.findings import Severity
from mvmono3d.calibration.keypoint_checks import JointJudgement
from mvmono3d.calibration.keypoint_rig import JointCalibration
from mvmono3d.core.schema import SCHEMA_VERSION


def joint_verdict(judgement: JointJudgement) -> str:
    """Return what the terminal is told: the verdict first."""
    found = judgement.calibration
    lines = []
    if not judgement.accepted:
        faults = [str(one.fault) for one in judgement.findings if one.severity is Severity.REFUSE]
        lines.append(f"Refused, no rig is written: {', '.join(dict.fromkeys(faults))}")
    if found is not None and judgement.accepted:
        lines.append(
            f"Accepted: {len(found.rig.names)} cameras placed by {found.refined.points} joints, which lie "
            f"{found.refined.after_px:.1f} px off (median) at frames that took no part"
        )
    if found is not None:
        lines += _table(found)
    for finding in judgement.findings:
        lines += [f"{finding.severity}: {finding.fault}: {finding.message}", f"  do: {finding.remedy}"]
    return "\n".join(lines) + "\n"


def _table(found: JointCalibration) -> list[str]:
    width = max(6, *(len(name) for name in found.rig.names))
    heads = f"{'focal px':>8}  {'agreeing':>8}  {'off px':>6}  {'turn deg':>8}  {'place mm':>8}"
    lines = [f"  {'camera':<{width}}  {heads}"]
    for view, name in enumerate(found.rig.names):
        turn, place = found.rig.pose_sigma[view]
        lines.append(
            f"  {name:<{width}}  {found.rig.camera.focal_px[view].mean():>8.1f}  "
            f"{100 * found.agreeing[view]:>6.0f} %  {found.residual_px[view]:>6.2f}  "
            f"± {np.degrees(turn):>6.2f}  ± {1e3 * place:>6.1f}"
        )
    lines.append("  (turn and place: by how much a camera moves when joints are left out)")
    length = found.refined.length
    if length is not None:
        lines.append(
            f"  scale: known to {100 * length.factor_sigma / length.factor:.2f} %, by the length given"
        )
    if found.breathing > 0.0:
        lines.append(f"  bones keep their length to {100 * found.breathing:.1f} %")
    return lines


def joint_content(judgement: JointJudgement) -> dict[str, Any]:
    """Return the verdict, findings and numbers as JSON takes them, the verdict first."""
    found = judgement.calibration
    told: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "verdict": "accepted" if judgement.accepted else "refused",
        "findings": [one.content() for one in judgement.findings],
    }
    if found is None:
        return told
    return told | {
        "cameras": [
            {
                "name": name,
                "focal_px": np.round(found.rig.camera.focal_px[view], 3).tolist(),
                "agreeing": round(float(found.agreeing[view]), 4),
                "residual_px": round(float(found.residual_px[view]), 3),
                "turn_sigma_rad": round(float(found.rig.pose_sigma[view, 0]), 6),
                "place_sigma_mm": round(1e3 * float(found.rig.pose_sigma[view, 1]), 2),
            }
            for view, name in enumerate(found.rig.names)
        ],
        "held_out_px": round(found.refined.after_px, 3),
        "joints": found.refined.points,
        "solved": round(found.solved, 4),
        "breathing": round(found.breathing, 4),
    }
