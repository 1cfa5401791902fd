"""A judgement in lines for a terminal: the verdict first."""

import numpy as np

from mvmono3d.calibration.checks_time import offset_in_words
from mvmono3d.calibration.findings import Finding, Severity
from mvmono3d.calibration.rolling_shutter import is_rolling, readout_in_words
from mvmono3d.calibration.solution import Calibration
from mvmono3d.calibration.trusted import Judgement


def verdict(judgement: Judgement) -> str:
    """Return the verdict in one sentence."""
    if not judgement.accepted:
        reasons = [finding for finding in judgement.findings if finding.severity is Severity.REFUSE]
        faults = list(dict.fromkeys(str(finding.fault) for finding in reasons))
        return f"Refused, no rig is written: {', '.join(faults)}"
    found = judgement.calibration
    if found is None:
        return "Refused, no rig is written"
    error_mm, error_px = held_out_errors(found)
    warnings = len(judgement.findings)
    doubt = f"; {warnings} warning{'s' * (warnings > 1)}" if warnings else ""
    return (
        f"Accepted: {len(found.rig.names)} cameras measure boards not used to {error_mm:.2f} mm (mean) "
        f"and {error_px:.2f} px (RMS){doubt}"
    )


def held_out_errors(found: Calibration) -> tuple[float, float]:
    """Return the mean 3D error (mm) and the RMS residual (px) at boards not used."""
    judged = found.held_out
    error = judged.error_m[judged.triangulated]
    squared = np.asarray(judged.rms_px) ** 2
    weight = found.used.sum(axis=(0, 2))
    error_px = float(np.sqrt(np.average(squared, weights=np.maximum(weight, 1))))
    return 1e3 * float(error.mean()) if len(error) else 0.0, error_px


def verdict_text(judgement: Judgement, *, cameras: tuple[str, ...]) -> str:
    """Return everything that the terminal is told."""
    lines = [verdict(judgement), *_table(judgement, cameras), *_offsets(judgement, cameras)]
    for severity in (Severity.REFUSE, Severity.WARN):
        for finding in together(judgement.findings):
            if finding.severity is severity:
                lines += [f"{severity}: {finding.fault}: {finding.message}", f"  do: {finding.remedy}"]
    return "\n".join(lines) + "\n"


def together(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Join what several cameras are told alike: the first message stands, the names of all follow."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.fault, finding.severity), []).append(finding)
    return tuple(_joined(group) for group in groups.values())


def _joined(group: list[Finding]) -> Finding:
    first = group[0]
    if len(group) == 1:
        return first
    names = tuple(dict.fromkeys(name for finding in group for name in finding.cameras))
    return Finding(
        fault=first.fault,
        severity=first.severity,
        cameras=names,
        message=f"{first.message}; likewise {' '.join(n for n in names if n not in first.cameras)}",
        remedy=first.remedy,
    )


def _table(judgement: Judgement, cameras: tuple[str, ...]) -> list[str]:
    width = max(6, *(len(name) for name in cameras))
    head = f"  {'camera':<{width}}  {'lens':<8}  {'RMS px':>6}  {'RMS mm':>6}  {'boards':>6}  {'coverage':>8}"
    lines = [head]
    found = judgement.calibration
    boards = judgement.views.fixed.sum(axis=0)
    for view, name in enumerate(cameras):
        lens = "-" if found is None else found.lens_evidence.chosen[view]
        error_px = "-" if found is None else f"{found.held_out.rms_px[view]:.2f}"
        error_mm = "-" if found is None else f"{1e3 * found.held_out.rms_m[view]:.2f}"
        lines.append(
            f"  {name:<{width}}  {lens:<8}  {error_px:>6}  {error_mm:>6}  {boards[view]:>6}  "
            f"{100 * judgement.coverage.share[view]:>6.0f} %"
        )
    return [*lines, "  (RMS at boards that took no part in solving)"] if found is not None else lines


def _offsets(judgement: Judgement, cameras: tuple[str, ...]) -> list[str]:
    offsets = judgement.offsets
    if offsets is None:
        return []
    told = [
        f"{name} {offset_in_words(offsets, view).removesuffix(' than the others')}"
        for view, name in enumerate(cameras)
        if offsets.judged[view]
    ]
    done = " (taken out)" if judgement.synchronised else ""
    return [f"  time offsets{done}: {', '.join(told)}", *_readout(judgement, cameras)]


def _readout(judgement: Judgement, cameras: tuple[str, ...]) -> list[str]:
    readout = judgement.readout
    if readout is None:
        return []
    told = [
        f"{name} {readout_in_words(readout, view)}"
        for view, name in enumerate(cameras)
        if readout.judged[view] and is_rolling(readout, view)
    ]
    return [f"  rolling shutters: {', '.join(told)}"] if told else []
