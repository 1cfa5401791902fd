"""Do all cameras expose at the instants that their frames are paired by?"""

import math

import numpy as np

from mvmono3d.calibration.findings import Fault, Finding, Severity
from mvmono3d.calibration.solution import Calibration
from mvmono3d.calibration.time_offsets import TimeOffsets

_CERTAIN = 4.0
"""Standard deviations of an offset that is told."""
_WARN = 1.5
_REFUSED = 6.0
"""Of what the offset does to corners (RMS) over the noise of the cameras: beyond it it counts."""
_LEAST_PX = 0.3


def checked_offsets(offsets: TimeOffsets, calibration: Calibration) -> tuple[Finding, ...]:
    """Return the cameras whose offset is certain and matters."""
    noise = max(float(np.median(calibration.sigma_px)), _LEAST_PX)
    found = []
    for view, name in enumerate(calibration.rig.names):
        certain = abs(offsets.offset[view]) > _CERTAIN * offsets.sigma[view]
        if not offsets.judged[view] or not certain or offsets.moves_px[view] < _WARN * noise:
            continue
        bad = offsets.moves_px[view] > _REFUSED * noise
        found.append(
            Finding(
                fault=Fault.UNSYNCHRONISED,
                severity=Severity.REFUSE if bad else Severity.WARN,
                cameras=(name,),
                message=f"{name} exposes {offset_in_words(offsets, view)}: with this motion that "
                f"moves corners by {offsets.moves_px[view]:.1f} px",
                remedy="trigger the cameras together, hold the board still, or --synchronise",
            )
        )
    return tuple(found)


def offset_in_words(offsets: TimeOffsets, view: int) -> str:
    """Return "1.2 ± 0.1 ms later than the others"."""
    scale, unit = (1e3, "ms") if offsets.unit == "s" else (1.0, "frames")
    value, sigma = scale * float(offsets.offset[view]), scale * float(offsets.sigma[view])
    word = "later" if value > 0.0 else "earlier"
    return f"{with_deviation(abs(value), sigma)} {unit} {word} than the others"


def with_deviation(value: float, sigma: float) -> str:
    """Return "1.23 ± 0.04": as many digits as the deviation leaves meaning."""
    digits = max(0, -math.floor(math.log10(sigma))) if sigma > 0.0 else 2
    return f"{value:.{digits}f} ± {sigma:.{digits}f}"
