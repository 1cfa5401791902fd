"""A calibration's report for programs."""

from typing import Any

import numpy as np

from mvmono3d.calibration.provenance import Provenance
from mvmono3d.calibration.trusted import Judgement
from mvmono3d.core.schema import SCHEMA_VERSION

_DIGITS = 6


def report_content(
    judgement: Judgement, provenance: Provenance, *, cameras: tuple[str, ...]
) -> dict[str, Any]:
    """Return the verdict, findings and numbers as JSON takes them, the verdict first."""
    return {
        "schema": SCHEMA_VERSION,
        "verdict": "accepted" if judgement.accepted else "refused",
        "findings": [finding.content() for finding in judgement.findings],
        "cameras": [_camera(judgement, view, name) for view, name in enumerate(cameras)],
        "offsets_taken_out": judgement.synchronised,
        "offsets": _offsets(judgement, cameras),
        "readout": _readout(judgement, cameras),
        "accuracy": _accuracy(judgement),
        "board_shape": _board_shape(judgement),
        "date": provenance.date,
        "temperature_c": provenance.temperature_c,
        "board": provenance.board,
        "versions": dict(provenance.versions),
        "inputs_sha256": provenance.sha256,
        "inputs": dict(provenance.files),
    }


def _camera(judgement: Judgement, view: int, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name,
        "boards": int(judgement.views.fixed[:, view].sum()),
        "coverage": _number(judgement.coverage.share[view]),
        "boards_over_image": judgement.coverage.boards[view].tolist(),
    }
    found = judgement.calibration
    if found is None:
        return told
    sigma = found.covariance.lens_sigma[view]
    return told | {
        "lens": found.lens_evidence.chosen[view],
        "held_out_px": _number(found.held_out.rms_px[view]),
        "held_out_mm": _number(1e3 * found.held_out.rms_m[view]),
        "noise_px": _number(found.sigma_px[view]),
        "corners_used": int(found.used[:, view].sum()),
        "corners_left_out": int(found.outlier[:, view].sum()),
        "focal_px": [_number(value) for value in found.rig.camera.focal_px[view]],
        "focal_sigma_px": [_number(value) for value in sigma[:2]],
        "centre_px": [_number(value) for value in found.rig.camera.centre_px[view]],
        "centre_sigma_px": [_number(value) for value in sigma[2:4]],
        "distortion": [_number(value) for value in found.rig.camera.distortion[view]],
        "distortion_sigma": [_number(value) for value in sigma[4:9]],
        "rotation_sigma_rad": [_number(value) for value in found.covariance.camera_sigma[view, :3]],
        "translation_sigma_mm": [_number(1e3 * value) for value in found.covariance.camera_sigma[view, 3:]],
        "models_held_out_px": {
            model: _number(value)
            for model, value in zip(
                found.lens_evidence.compared, found.lens_evidence.held_out_px[view], strict=True
            )
        },
    }


def _board_shape(judgement: Judgement) -> dict[str, Any] | None:
    """Return what was measured of the board itself; none where it wasn't tried."""
    found = judgement.calibration
    if found is None or found.shape_evidence is None:
        return None
    judged = found.held_out
    return {
        "measured": found.shape_m is not None,
        "held_out_px_as_drawn": _number(found.shape_evidence.flat_px),
        "held_out_px_as_measured": _number(found.shape_evidence.shaped_px),
        "held_out_mm_from_drawing": _number(1e3 * judged.error_as_drawn_m[judged.triangulated].mean())
        if judged.triangulated.any()
        else None,
        "offset_mm": None if found.shape_m is None else np.round(1e3 * found.shape_m, _DIGITS).tolist(),
    }


def _accuracy(judgement: Judgement) -> dict[str, Any] | None:
    if judgement.calibration is None:
        return None
    accuracy = judgement.calibration.accuracy
    seen = np.asarray(accuracy.seen_by_two, dtype=bool)
    if not seen.any():
        return None
    return {
        "places_m": np.round(accuracy.points_world[seen], _DIGITS).tolist(),
        "from_pixels_mm": np.round(1e3 * accuracy.from_pixels_m[seen], _DIGITS).tolist(),
        "from_calibration_mm": np.round(1e3 * accuracy.from_calibration_m[seen], _DIGITS).tolist(),
        "typical_mm": _number(1e3 * np.median(accuracy.total_m[seen])),
    }


def _offsets(judgement: Judgement, cameras: tuple[str, ...]) -> list[dict[str, Any]] | None:
    offsets = judgement.offsets
    if offsets is None:
        return None
    return [
        {
            "name": name,
            "judged": bool(offsets.judged[view]),
            "offset": _number(offsets.offset[view]),
            "sigma": _number(offsets.sigma[view]),
            "unit": offsets.unit,
            "moves_px": _number(offsets.moves_px[view]),
        }
        for view, name in enumerate(cameras)
    ]


def _readout(judgement: Judgement, cameras: tuple[str, ...]) -> list[dict[str, Any]] | None:
    readout = judgement.readout
    if readout is None:
        return None
    return [
        {
            "name": name,
            "judged": bool(readout.judged[view]),
            "time": _number(readout.time[view]),
            "sigma": _number(readout.sigma[view]),
            "unit": readout.unit,
            "moves_px": _number(readout.moves_px[view]),
        }
        for view, name in enumerate(cameras)
    ]


def _number(value: Any) -> float:
    return round(float(value), _DIGITS)
