"""3D joints as a table for spreadsheets and R: one row per frame, empty cells where a joint is missing."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mvmono3d.core.schema import atomic_write
from mvmono3d.core.trajectory import PointSource, Trajectory


def write_points_csv(path: Path, trajectory: Trajectory, *, joints: Sequence[str]) -> None:
    """Write time and, per joint, x, y, z (m, +Z up), sigma (m per axis) and source.

    Sigma is the root of the mean variance; it is empty where no covariance is stated (truth, say).
    """
    points = np.asarray(trajectory.points_world, dtype=np.float64)
    source = np.asarray(trajectory.source)
    variance = np.trace(np.asarray(trajectory.covariance_world), axis1=-2, axis2=-1) / 3
    columns = [f"{joint}_{part}" for joint in joints for part in ("x_m", "y_m", "z_m", "sigma_m", "source")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time_ns", *columns])
    for frame, time_ns in enumerate(np.asarray(trajectory.time_ns).tolist()):
        row: list[str] = [str(time_ns)]
        for joint in range(len(joints)):
            row += _cells(
                points[frame, joint], variance[frame, joint], PointSource(int(source[frame, joint]))
            )
        writer.writerow(row)
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def _cells(point: np.ndarray, variance: float, source: PointSource) -> list[str]:
    if source is PointSource.MISSING:
        return ["", "", "", "", source.name]
    sigma = f"{np.sqrt(variance):.6f}" if variance > 0 else ""
    return [*(f"{value:.6f}" for value in point), sigma, source.name]
