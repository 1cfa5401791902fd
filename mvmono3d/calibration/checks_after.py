"""What a solved rig betrays: cameras that fit worse, stand on the wrong side or are known badly."""

import numpy as np

from mvmono3d.calibration.board_views import BoardViews, square_side
from mvmono3d.calibration.findings import Fault, Finding, Graded, Severity, graded_cameras
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration
from mvmono3d.core.array import Array
from mvmono3d.geometry.rigid import camera_centres, compose

OUTLIERS = Graded(warn=0.04, refuse=0.2)
"""Share of a camera's corners that no adjustment explains."""
MOST_OUTLIERS = 0.3
"""Beyond it too little is kept to rely on, however well it fits."""
SMALL_ERROR = 0.02
"""3D error at boards not used, over a square: within it a camera with many outliers is told, not refused."""
WORSE = Graded(warn=2.5, refuse=8.0)
"""Noise of a camera over that of the others' median; refused where boards are measured badly, too."""
_LEAST_WORSE_PX = 0.15
"""Noise that is never too much."""
HELD_OUT = Graded(warn=1.5, refuse=4.0)
"""Residual of boards not used over that of boards used."""
FOCAL = Graded(warn=0.005, refuse=0.03)
"""Standard deviation of a focal length over itself."""
_WRONG_SIDE = 0.05


def checked_after(
    calibration: Calibration, sightings: BoardSightings, views: BoardViews, *, floor: bool
) -> tuple[Finding, ...]:
    """Return what is wrong with a solved rig.

    Args:
        calibration: Of the sightings.
        sightings: What it was solved from.
        views: How the board looks in each picture.
        floor: Whether the world is a board that lay on the floor.
    """
    return (
        *_wrong_side(calibration, views),
        *(_under_floor(calibration) if floor else ()),
        *_outliers(calibration, sightings),
        *_worse_camera(calibration, sightings),
        *_held_out(calibration),
        *_uncertain(calibration),
        *_uneven(calibration),
    )


def _wrong_side(calibration: Calibration, views: BoardViews) -> list[Finding]:
    """Compare the side of the board that each picture shows with the side its camera came to stand on."""
    rig = calibration.rig
    camera_from_board = compose(rig.camera_from_world[None], calibration.world_from_board[:, None])
    # The board's +Z points away from who looks at its print.
    away = np.sum(camera_from_board[..., 2] * camera_from_board[..., 3], axis=-1)
    behind = camera_from_board[..., 2, 3] <= 0.0
    judged = views.fixed & calibration.placed[:, None] & calibration.used.any(axis=-1)
    wrong = judged & (behind | (np.sign(away) != views.facing))
    share = wrong.sum(axis=0) / np.maximum(judged.sum(axis=0), 1)
    return [
        Finding(
            fault=Fault.WRONG_SIDE,
            severity=Severity.REFUSE,
            cameras=(name,),
            message=f"{name} came to stand on the wrong side of {int(wrong[:, view].sum())} of "
            f"{int(judged[:, view].sum())} boards that it sees",
            remedy=f"show {name} more tilted and nearer boards together with other cameras: flat on, a board "
            "far away looks alike from two places",
        )
        for view, name in enumerate(rig.names)
        if share[view] > _WRONG_SIDE
    ]


def _under_floor(calibration: Calibration) -> list[Finding]:
    height = camera_centres(calibration.rig.camera_from_world)[:, 2]
    guilty = _names(calibration, height <= 0.0)
    if not guilty:
        return []
    return [
        Finding(
            fault=Fault.UNDER_FLOOR,
            severity=Severity.REFUSE,
            cameras=guilty,
            message=f"{' '.join(guilty)}: {-1e3 * float(height.min()):.0f} mm under the board on the floor",
            remedy="name a board pose that lies on the floor, print upwards, as the world; or none",
        )
    ]


def _outliers(calibration: Calibration, sightings: BoardSightings) -> list[Finding]:
    seen = np.logical_or(calibration.used, calibration.outlier).sum(axis=(0, 2))
    share = calibration.outlier.sum(axis=(0, 2)) / np.maximum(seen, 1)
    found = []
    for view in np.flatnonzero(share > OUTLIERS.warn):
        name = sightings.cameras[view]
        since = _since(calibration, int(view))
        severity = OUTLIERS.grade(float(share[view])) or Severity.WARN
        kept = ""
        if since is None and _holds(calibration, sightings, view=int(view), share=float(share[view])):
            severity = Severity.WARN
            error_mm = 1e3 * float(calibration.held_out.rms_m[view])
            kept = f"; what was kept measures boards not used to {error_mm:.2f} mm"
        where = "" if since is None else f", most of them from pose {sightings.labels[since]} on"
        found.append(
            Finding(
                fault=Fault.MISFIT_CAMERA if since is None else Fault.MOVED_CAMERA,
                severity=severity,
                cameras=(name,),
                message=f"{100 * share[view]:.0f} % of the corners of {name} fit no rig and were left out, "
                f"expected below {100 * OUTLIERS.warn:.0f} %{where}{kept}",
                remedy=f"look at the pictures of {name}: did it move, was it refocused, are single frames "
                "paired wrongly, is the board bent, does another board or a reflection show?",
            )
        )
    return _worst_only(found, share)


def _holds(calibration: Calibration, sightings: BoardSightings, *, view: int, share: float) -> bool:
    """Say whether the corners that were kept, by far the larger part, carry the camera nevertheless.

    Single pictures that are paired wrongly or blurred spoil corners and not the rig: then boards not used
    are still measured well.
    """
    error = float(calibration.held_out.rms_m[view])
    return share <= MOST_OUTLIERS and error <= SMALL_ERROR * square_side(sightings.corners_m)


def _worst_only(found: list[Finding], share: Array) -> list[Finding]:
    """Keep those that refuse only for the worst cameras: one that moved spoils boards for its neighbours."""
    worst = float(share.max(initial=0.0))
    kept = []
    for finding, value in zip(found, share[share > OUTLIERS.warn], strict=True):
        if value >= 0.5 * worst or finding.severity is Severity.WARN:
            kept.append(finding)
    return kept


def _since(calibration: Calibration, view: int) -> int | None:
    """Return the pose from which on, or up to which, most corners of a camera are left out."""
    seen = np.logical_or(calibration.used, calibration.outlier)[:, view].sum(axis=-1)
    poses = np.flatnonzero(seen)
    wrong = calibration.outlier[poses, view].sum(axis=-1) > 0.5 * seen[poses]
    for cut in range(2, len(poses) - 1):
        before, after = float(wrong[:cut].mean()), float(wrong[cut:].mean())
        if min(before, after) < 0.1 and max(before, after) > 0.7:
            return int(poses[cut])
    return None


def _worse_camera(calibration: Calibration, sightings: BoardSightings) -> list[Finding]:
    sigma = np.asarray(calibration.sigma_px)
    others = np.array([np.median(np.delete(sigma, view)) for view in range(len(sigma))])
    error_m = np.asarray(calibration.held_out.rms_m)
    small = error_m <= SMALL_ERROR * square_side(sightings.corners_m)
    ratio = np.where(sigma < _LEAST_WORSE_PX, 0.0, sigma / others)
    # A camera that is merely noisy still measures well together with the others.
    ratio = np.where(small, np.minimum(ratio, WORSE.refuse), ratio)
    return graded_cameras(
        calibration.rig.names,
        ratio,
        WORSE,
        fault=Fault.MISFIT_CAMERA,
        message=lambda view: (
            f"{calibration.rig.names[view]} fits to {sigma[view]:.2f} px, the others to "
            f"{others[view]:.2f} px (per axis); boards not used are measured to {1e3 * error_m[view]:.2f} mm"
        ),
        remedy=lambda name: (
            f"look at the arrows of {name}: all alike points to the lens or a bent board, "
            "growing with motion to the trigger, at single poses to blur, glare or a camera that moved; "
            "boards seen at a flat angle are found less well"
        ),
    )


def _held_out(calibration: Calibration) -> list[Finding]:
    used = np.sqrt(2.0) * calibration.sigma_px
    judged = np.asarray(calibration.held_out.rms_px)
    return graded_cameras(
        calibration.rig.names,
        judged / used,
        HELD_OUT,
        fault=Fault.HELD_OUT_WORSE,
        message=lambda view: (
            f"boards not used fit {calibration.rig.names[view]} to {judged[view]:.2f} px, "
            f"boards used to {used[view]:.2f} px: {judged[view] / used[view]:.1f} times worse, expected "
            f"below {HELD_OUT.warn:g}"
        ),
        remedy=lambda name: "record more boards, over the whole image and volume: so few fit any lens",
    )


def _uncertain(calibration: Calibration) -> list[Finding]:
    focal = np.asarray(calibration.rig.camera.focal_px)
    share = (calibration.covariance.lens_sigma[:, :2] / focal).max(axis=-1)
    return graded_cameras(
        calibration.rig.names,
        share,
        FOCAL,
        fault=Fault.UNCERTAIN,
        message=lambda view: (
            f"the focal length of {calibration.rig.names[view]} is known to "
            f"{100 * share[view]:.2f} % only, expected {100 * FOCAL.warn:g} %"
        ),
        remedy=lambda name: (
            f"show {name} the board tilted by 20 to 40 degrees, near and far, out to the corners"
        ),
    )


def _uneven(calibration: Calibration) -> list[Finding]:
    """Tell the shape of a board that isn't as drawn: the rig is solved with it, the next board may differ."""
    shape, evidence = calibration.shape_m, calibration.shape_evidence
    if shape is None or evidence is None:
        return []
    off_mm = 1e3 * np.linalg.norm(shape[np.any(shape != 0.0, axis=-1)], axis=-1)
    return [
        Finding(
            fault=Fault.UNEVEN_BOARD,
            severity=Severity.WARN,
            cameras=(),
            message=f"corners lie {float(np.sqrt(np.mean(off_mm**2))):.2f} mm (RMS, at most "
            f"{float(off_mm.max()):.1f} mm) from where the board file draws them; measured along with the "
            f"cameras, so that boards not used fit to {evidence.shaped_px:.2f} px, as drawn to "
            f"{evidence.flat_px:.2f} px",
            remedy="none for this rig; glue the next print to glass or aluminium, without bubbles",
        )
    ]


def _names(calibration: Calibration, guilty: Array) -> tuple[str, ...]:
    return tuple(name for name, is_guilty in zip(calibration.rig.names, guilty, strict=True) if is_guilty)
