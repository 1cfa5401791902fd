"""How long each camera takes to read an image from top to bottom: residuals that grow with speed and row."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.checks_time import with_deviation
from mvmono3d.calibration.findings import Fault, Finding, Graded, graded_cameras
from mvmono3d.calibration.motion_system import (
    Motion,
    free_columns,
    motion_system,
    solved_columns,
    typical_speed,
)
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration
from mvmono3d.calibration.time_offsets import FEWEST_ROWS, board_motion
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

BENDS = Graded(warn=1.0, refuse=6.0)
"""What the readout does to corners (RMS) over the noise of the cameras: above."""
_LEAST_PX = 0.3
_CERTAIN = 4.0
"""Standard deviations of a readout time that is told."""
_SPREAD = 12.0**-0.5
"""Standard deviation of rows over an image, in heights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout(Record):
    """By how much later the last row of an image is exposed than the first."""

    judged: Bool[Array, " view"]
    time: Float[Array, " view"]
    """In `unit`; 0 where not judged; negative where the camera stands upside down."""
    sigma: Float[Array, " view"]
    moves_px: Float[Array, " view"]
    """What the readout does to corners in these recordings (RMS)."""
    unit: str
    """"s" or "frames"."""


def readout_times(
    calibration: Calibration, sightings: BoardSightings, motion: Motion | None = None
) -> Readout | None:
    """Return the cameras' readout times; none where the frames are no sequence of a moving board.

    The step of `time_offsets`, with a readout time per camera beside the offsets. Standard deviations are
    those of instants.
    """
    motion = board_motion(sightings) if motion is None else motion
    views = len(sightings.cameras)
    system = motion_system(calibration, sightings, motion)
    judged = system.instants >= FEWEST_ROWS
    if judged.sum() < 2:
        return None
    reference = int(np.argmax(system.instants))
    free = free_columns(calibration, judged, reference=reference, readout=True)
    solved, deviation = solved_columns(system, free)
    time, sigma = solved[views : 2 * views], deviation[views : 2 * views]
    speed = np.array([typical_speed(motion, view) for view in range(views)])
    return Readout(
        judged=judged,
        time=time,
        sigma=sigma,
        moves_px=_SPREAD * np.abs(time) * speed,
        unit=motion.unit,
    )


def checked_readout(readout: Readout, calibration: Calibration) -> list[Finding]:
    """Return the cameras whose rows are certainly exposed one after the other, where it matters."""
    noise = max(float(np.median(calibration.sigma_px)), _LEAST_PX)
    rolling = [is_rolling(readout, view) for view in range(len(calibration.rig.names))]
    return graded_cameras(
        calibration.rig.names,
        np.where(rolling, readout.moves_px / noise, 0.0),
        BENDS,
        fault=Fault.ROLLING_SHUTTER,
        message=lambda view: (
            f"{calibration.rig.names[view]} reads its image in "
            f"{readout_in_words(readout, view)}: with this motion that bends the board by "
            f"{readout.moves_px[view]:.1f} px"
        ),
        remedy=lambda name: (
            "hold the board still, take pictures of resting boards alone, or use cameras "
            "with a global shutter"
        ),
    )


def is_rolling(readout: Readout, view: int) -> bool:
    """Say whether a camera certainly exposes its rows one after the other."""
    return bool(readout.judged[view] and abs(readout.time[view]) > _CERTAIN * readout.sigma[view])


def readout_in_words(readout: Readout, view: int) -> str:
    """Return "22 ± 1 ms from top to bottom"."""
    scale, unit = (1e3, "ms") if readout.unit == "s" else (1.0, "frames")
    value, sigma = scale * float(readout.time[view]), scale * float(readout.sigma[view])
    way = "top to bottom" if value >= 0.0 else "bottom to top"
    return f"{with_deviation(abs(value), sigma)} {unit} from {way}"
