"""What the guard found, in words and tables."""

from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table

from mvmono3d.calibration.guard_boards import BoardCheck
from mvmono3d.calibration.guard_keypoints import KeypointCheck
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_verdict import Moved
from mvmono3d.core.rig import Rig

_LINEAR_DEG = 3.0
"""A first guess of a turn beyond this means little."""
_SURE = 4.0
"""Standard deviations beyond which a board speaks of a motion."""


@dataclass(slots=True)
class Findings:
    """Sentences, by how much they weigh."""

    refused: list[str] = field(default_factory=list)
    suspected: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def say_boards(
    check: BoardCheck, rig: Rig, findings: Findings, settings: GuardSettings, console: Console
) -> None:
    """Print a row per camera and add what follows to the findings."""
    table = _table("boards", ("camera", "off px", "turned deg", "shifted mm", "residual px"))
    for view, name in enumerate(rig.names):
        turn = f"{check.turn_deg[view]:.3f} ± {check.turn_sigma_deg[view]:.3f}"
        shift = f"{1e3 * check.shift_m[view]:.1f} ± {1e3 * check.shift_sigma_m[view]:.1f}"
        table.add_row(name, f"{check.effect_px[view]:.2f}", turn, shift, f"{check.fit_px[view]:.2f}")
        said = (
            f"camera {name!r} is {check.effect_px[view]:.1f} px from where the rig says, by boards: turned "
            f"by {turn} deg, shifted by {shift} mm"
        )
        sure = check.turn_deg[view] > _SURE * check.turn_sigma_deg[view]
        sure = sure or check.shift_m[view] > _SURE * check.shift_sigma_m[view]
        if not check.agrees[view]:
            findings.refused.append(said)
        elif sure and check.effect_px[view] > settings.board_suspicion_px:
            findings.suspected.append(said)
    console.print(table)
    if check.agrees.sum() < 2:
        findings.refused.append("no two cameras stand to each other as the rig says: calibrate anew")


def say_keypoints(
    check: KeypointCheck,
    rig: Rig,
    findings: Findings,
    *,
    breathing: float,
    usual: float | None,
    console: Console,
) -> None:
    """Print a row per camera and add what follows to the findings."""
    verdict, baseline = check.verdict, check.baseline
    title = "joints, against the baseline" if baseline.learned else "joints, without a baseline"
    table = _table(title, ("camera", "agrees", "χ² of a motion", f"alarm above {verdict.threshold:.0f}"))
    for view, name in enumerate(rig.names):
        over = "yes" if verdict.significance[view] > verdict.threshold else "no"
        table.add_row(name, f"{verdict.support[view]:.0%}", f"{verdict.significance[view]:.0f}", over)
    console.print(table)
    findings.notes.append(
        f"detections: noise {baseline.noise_px:.2f} px, bias {baseline.bias_px:.2f} px per joint and camera; "
        f"bones vary by {breathing:.1%}" + ("" if usual is None else f" ({usual:.1%} in the baseline)")
    )
    if not verdict.known:
        findings.suspected.append("too few joints to say anything")
    if not verdict.agreeing:
        findings.refused.append("the cameras agree on too few joints to say which of them is right")
    measured = {one.camera: one for one in check.repair.moved} if check.repair else {}
    for one in verdict.moved:
        said = _said(measured.get(one.camera, one), one, check)
        (findings.refused if one.certain else findings.suspected).append(said)
    if not verdict.complete:
        findings.notes.append("more cameras may have moved than can be told apart: calibrate anew")


def _said(measured: Moved, named: Moved, check: KeypointCheck) -> str:
    others = f" (or {', '.join(named.rivals)})" if named.rivals else ""
    if not named.certain:
        return (
            f"camera {named.camera!r}{others}: {_by(measured)} would take {named.effect_px:.1f} px off its "
            "residuals; a detector can be wrong by as much, so ask a board"
        )
    when = f", told after {check.after_s:.0f} s" if check.baseline.learned else ""
    return f"camera {named.camera!r}{others} moved, by joints: {_by(measured)}{when}"


def _by(one: Moved) -> str:
    if not np.any(one.motion):
        return "too far to be measured"
    if not one.certain and one.turn_deg > _LINEAR_DEG:
        return "another pose"
    by = f"turned by {one.turn_deg:.3f} ± {one.turn_sigma_deg:.3f} deg"
    if np.any(one.motion[3:]):
        by += f", shifted by {one.shift_mm:.1f} ± {one.shift_sigma_mm:.1f} mm"
    return by


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
