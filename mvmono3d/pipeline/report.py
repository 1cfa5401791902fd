"""How well a reconstruction went, judged by the recording itself: numbers and the tables that show them."""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from mvmono3d.core.observations import Observations
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import MissingReason, PointSource, Reconstruction
from mvmono3d.pipeline.leave_one_out import LeftOut

_REASONS = {
    MissingReason.TOO_FEW_VIEWS: "seen by too few views",
    MissingReason.CONTRADICTION: "views contradict each other",
    MissingReason.DEGENERATE: "rays too parallel or behind a camera",
    MissingReason.EXPIRED: "unseen for too long",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewReport:
    """One camera's part. Numbers in px are NaN-free: `None` where there was nothing to measure."""

    name: str
    detections: int
    reprojection_px: tuple[float, float] | None
    """Median and 95th percentile."""
    left_out_px: tuple[float, float] | None
    """Median and 90th percentile of the error when predicted from the other cameras."""
    relative_weight: float | None
    """Its share of the information over the share it had if all detecting views counted alike."""
    refused: float | None
    """Share of its detections without any weight, among joints that were solved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A reconstruction judged by its own recording."""

    frames: int
    joints: int
    measured: int
    imputed: int
    reasons: tuple[tuple[str, int], ...]
    """How many joints are missing for a reason."""
    views: tuple[ViewReport, ...]
    rigid_bones: int
    bone_variation: float | None
    """Median over rigid bones of (robust standard deviation / median length)."""
    worst_bone: tuple[str, float] | None


def make_report(
    reconstruction: Reconstruction,
    observations: Observations,
    *,
    skeleton: Skeleton,
    names: tuple[str, ...],
    left_out: LeftOut | None,
) -> Report:
    """Measure a reconstruction of a recording; without `left_out` those columns stay empty."""
    source = np.asarray(reconstruction.trajectory.source)
    reason = np.asarray(reconstruction.reason)
    counts = ((text, int(np.sum(reason == code))) for code, text in _REASONS.items())
    variation = _bone_variation(reconstruction, skeleton)
    worst = max(variation.items(), key=lambda item: item[1], default=None)
    return Report(
        frames=source.shape[0],
        joints=source.shape[1],
        measured=int(np.sum(source == PointSource.MEASURED)),
        imputed=int(np.sum(source == PointSource.IMPUTED)),
        reasons=tuple((text, count) for text, count in counts if count),
        views=tuple(
            _view_report(view, name, reconstruction, observations, left_out)
            for view, name in enumerate(names)
        ),
        rigid_bones=len(variation),
        bone_variation=float(np.median(list(variation.values()))) if variation else None,
        worst_bone=worst,
    )


def _view_report(
    view: int,
    name: str,
    reconstruction: Reconstruction,
    observations: Observations,
    left_out: LeftOut | None,
) -> ViewReport:
    detected = np.asarray(observations.detected)
    solved = np.asarray(reconstruction.trajectory.source) == PointSource.MEASURED
    weights = np.asarray(reconstruction.weights)
    judged = detected[:, view] & solved
    fair = judged / np.maximum(detected.sum(axis=1), 1)
    refused = judged & (weights[:, view] == 0)
    return ViewReport(
        name=name,
        detections=int(detected[:, view].sum()),
        reprojection_px=_quantiles(np.asarray(reconstruction.reprojection_px)[:, view][judged], 0.95),
        left_out_px=(
            None
            if left_out is None
            else _quantiles(left_out.error_px[:, view][left_out.predicted[:, view]], 0.9)
        ),
        relative_weight=float(weights[:, view][judged].sum() / fair.sum()) if judged.any() else None,
        refused=float(refused.sum() / judged.sum()) if judged.any() else None,
    )


def _quantiles(values: np.ndarray, upper: float) -> tuple[float, float] | None:
    if values.size == 0:
        return None
    return float(np.median(values)), float(np.quantile(values, upper))


def _bone_variation(reconstruction: Reconstruction, skeleton: Skeleton) -> dict[str, float]:
    points = np.asarray(reconstruction.trajectory.points_world)
    present = np.asarray(reconstruction.trajectory.source) != PointSource.MISSING
    variation = {}
    for parent, child in skeleton.bones:
        both = present[:, parent] & present[:, child]
        if skeleton.flexible[child] or both.sum() < 2:
            continue
        lengths = np.linalg.norm(points[both, child] - points[both, parent], axis=-1)
        middle = float(np.median(lengths))
        # 1.4826 MAD is the standard deviation of a normal distribution, and deaf to outliers.
        spread = 1.4826 * float(np.median(np.abs(lengths - middle)))
        if middle > 0:
            variation[f"{skeleton.joints[parent]}-{skeleton.joints[child]}"] = spread / middle
    return variation


def print_report(report: Report, console: Console) -> None:
    """Print the tables of a report."""
    console.print(_joint_line(report))
    table = Table(header_style="bold")
    table.add_column("camera")
    for column in (
        "detections",
        "reprojection\npx (p95)",
        "predicted by\nothers px (p90)",
        "weight\n(fair = 1)",
        "refused",
    ):
        table.add_column(column, justify="right", no_wrap=True)
    for view in report.views:
        table.add_row(
            view.name,
            f"{view.detections}",
            _pair(view.reprojection_px),
            _pair(view.left_out_px),
            "-" if view.relative_weight is None else f"{view.relative_weight:.2f}",
            "-" if view.refused is None else f"{view.refused:.1%}",
        )
    console.print(table)
    if report.bone_variation is not None and report.worst_bone is not None:
        bone, worst = report.worst_bone
        console.print(
            f"bone lengths vary by {report.bone_variation:.1%} (median of {report.rigid_bones} rigid bones), "
            f"most: {bone} {worst:.1%}"
        )


def _joint_line(report: Report) -> str:
    total = report.frames * report.joints
    parts = [f"{report.measured} measured ({report.measured / total:.1%})"]
    if report.imputed:
        parts.append(f"{report.imputed} imputed ({report.imputed / total:.1%})")
    parts += [f"{count} missing ({count / total:.1%}): {text}" for text, count in report.reasons]
    return f"{report.frames} frames x {report.joints} joints: {'; '.join(parts)}"


def _pair(values: tuple[float, float] | None) -> str:
    return "-" if values is None else f"{values[0]:.1f} ({values[1]:.1f})"
