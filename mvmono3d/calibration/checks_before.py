"""What the sightings of a board betray before anything is solved."""

from itertools import combinations

import numpy as np

from mvmono3d.calibration.board_views import BoardViews
from mvmono3d.calibration.coverage import Coverage
from mvmono3d.calibration.findings import Fault, Finding, Graded, Severity, graded_cameras
from mvmono3d.calibration.pose_graph import parts
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array

FEWEST_BOARDS = 5
"""Poses of which a camera must see enough corners to fix the board; each pose is counted once."""
GOOD_BOARDS = 10
GOOD_COVERAGE = 0.4
"""Share of an image that boards covered."""
PARALLEL_DEG = 5.0
NEARLY_PARALLEL_DEG = 8.0
"""Spread (RMS) of the boards' normals as a lens of 60 degrees would see them."""
_ONE_DEPTH = 1.15
"""Scale of the board in the image, nine tenths of the boards over one tenth: below, all are alike far."""
_MIRRORED = 0.5
"""Share of a camera's boards seen mirrored."""
_WRONG_BOARD = 0.25
"""Median misfit of a homography in sides of a square: a lens bends less, another layout much more."""
_SAME_PX = 0.5
_SAME_POSE_PX = 0.3
_FEWEST_SHARED = 3


def checked_before(sightings: BoardSightings, views: BoardViews, covered: Coverage) -> tuple[Finding, ...]:
    """Return what is wrong with the sightings themselves."""
    found = [
        *_wrong_board(views, sightings),
        *_mirrored(views, sightings),
        *_duplicated(sightings),
        *_too_few(views, sightings),
        *_disconnected(views, sightings),
        *_coverage(covered, sightings),
        *_parallel(views, sightings),
        *_one_depth(views, sightings),
    ]
    return tuple(found)


def normal_spread_deg(views: BoardViews) -> Array:
    """Return, per camera, the RMS angle of the boards' normals to their mean, near boards counting more."""
    spread = np.zeros(views.fixed.shape[1])
    for view in range(len(spread)):
        fixed = views.fixed[:, view]
        if fixed.sum() < 2:
            continue
        normal, weight = views.normal[fixed, view], views.scale_px_m[fixed, view] ** 2
        mean = (normal * weight[:, None]).sum(axis=0)
        angle = np.arccos(np.clip(normal @ (mean / np.linalg.norm(mean)), -1.0, 1.0))
        spread[view] = np.degrees(np.sqrt(np.average(angle**2, weights=weight)))
    return spread


def _wrong_board(views: BoardViews, sightings: BoardSightings) -> list[Finding]:
    if not views.fixed.any():
        return []
    misfit = float(np.median(views.misfit[views.fixed]))
    if misfit <= _WRONG_BOARD:
        return []
    return [
        Finding(
            fault=Fault.WRONG_BOARD,
            severity=Severity.REFUSE,
            cameras=(),
            message=f"corners lie {misfit:.2g} squares from where the board file puts them (median), "
            f"expected below {_WRONG_BOARD:g}",
            remedy="check columns and rows, kind, first_id and legacy_pattern in the board file",
        )
    ]


def _mirrored(views: BoardViews, sightings: BoardSightings) -> list[Finding]:
    if sightings.two_sided or _wrong_board(views, sightings):
        return []
    share = (views.fixed & (views.facing < 0)).sum(axis=0) / np.maximum(views.fixed.sum(axis=0), 1)
    guilty = _names(sightings, share > _MIRRORED)
    if not guilty:
        return []
    return [
        Finding(
            fault=Fault.MIRRORED,
            severity=Severity.REFUSE,
            cameras=guilty,
            message=f"{' '.join(guilty)}: the print appears in the mirror (corners run the other way round)",
            remedy="switch off mirroring or flipping in the camera's driver or the converter, record again, "
            "or flip these images; a board printed on both sides needs two_sided = true",
        )
    ]


def _duplicated(sightings: BoardSightings) -> list[Finding]:
    found = []
    for one, other in combinations(range(len(sightings.cameras)), 2):
        both = sightings.seen[:, one] & sightings.seen[:, other]
        shared = both.any(axis=-1)
        if shared.sum() < _FEWEST_SHARED:
            continue
        apart = np.linalg.norm(sightings.pixels[:, one] - sightings.pixels[:, other], axis=-1)
        same = float(np.median(apart[both]))
        if same > _SAME_PX:
            continue
        names = (sightings.cameras[one], sightings.cameras[other])
        found.append(
            Finding(
                fault=Fault.DUPLICATED_CAMERAS,
                severity=Severity.REFUSE,
                cameras=names,
                message=f"{names[0]} and {names[1]} show the same pictures: corners {same:.2g} px apart "
                f"(median) in {int(shared.sum())} poses",
                remedy="one of the two folders is a copy of the other: give each camera its own images",
            )
        )
    return found


def _too_few(views: BoardViews, sightings: BoardSightings) -> list[Finding]:
    count = [_distinct(sightings, views, view) for view in range(len(sightings.cameras))]

    def message(view: int) -> str:
        least = FEWEST_BOARDS if count[view] < FEWEST_BOARDS else GOOD_BOARDS
        return (
            f"{sightings.cameras[view]} sees the board well in {count[view]} different poses, expected at "
            f"least {least}"
        )

    return graded_cameras(
        sightings.cameras,
        count,
        Graded(warn=GOOD_BOARDS - 0.5, refuse=FEWEST_BOARDS - 0.5),
        fault=Fault.TOO_FEW_BOARDS,
        message=message,
        remedy=lambda name: f"show {name} the board in more poses, together with another camera",
    )


def _distinct(sightings: BoardSightings, views: BoardViews, view: int) -> int:
    """Count the poses that differ: the same picture again tells nothing new."""
    kept: list[int] = []
    for pose in np.flatnonzero(views.fixed[:, view]):
        if not any(_same_picture(sightings, view, int(pose), other) for other in kept):
            kept.append(int(pose))
        if len(kept) >= GOOD_BOARDS:
            break
    return len(kept)


def _same_picture(sightings: BoardSightings, view: int, one: int, other: int) -> bool:
    both = sightings.seen[one, view] & sightings.seen[other, view]
    if both.sum() < _FEWEST_SHARED:
        return False
    apart = np.linalg.norm(sightings.pixels[one, view] - sightings.pixels[other, view], axis=-1)
    return float(np.median(apart[both])) < _SAME_POSE_PX


def _disconnected(views: BoardViews, sightings: BoardSightings) -> list[Finding]:
    fixed = views.fixed.astype(np.int64)
    shared = fixed.T @ fixed * (1 - np.eye(fixed.shape[1], dtype=np.int64))
    groups = [" ".join(sightings.cameras[view] for view in group) for group in parts(shared)]
    if len(groups) > 1:
        return [
            Finding(
                fault=Fault.DISCONNECTED,
                severity=Severity.REFUSE,
                cameras=(),
                message=f"cameras fall into {len(groups)} parts that share no board: {' | '.join(groups)}",
                remedy="show the board where a camera of each part sees it at the same instant; "
                "neighbours must overlap, but not all with all",
            )
        ]
    weak = parts(np.where(shared >= _FEWEST_SHARED, shared, 0))
    if len(weak) == 1:
        return []
    names = [" ".join(sightings.cameras[view] for view in group) for group in weak]
    return [
        Finding(
            fault=Fault.DISCONNECTED,
            severity=Severity.WARN,
            cameras=(),
            message=f"fewer than {_FEWEST_SHARED} boards join the parts {' | '.join(names)}",
            remedy="show the board more often where both parts see it",
        )
    ]


def _coverage(covered: Coverage, sightings: BoardSightings) -> list[Finding]:
    return graded_cameras(
        sightings.cameras,
        covered.share,
        Graded(warn=GOOD_COVERAGE, refuse=-np.inf),
        fault=Fault.POOR_COVERAGE,
        message=lambda view: (
            f"boards cover {100 * covered.share[view]:.0f} % of the image of "
            f"{sightings.cameras[view]}, expected at least {100 * GOOD_COVERAGE:.0f} %: elsewhere its lens "
            "is extrapolated"
        ),
        remedy=lambda name: f"lead the board to the edges and corners of what {name} sees",
    )


def _parallel(views: BoardViews, sightings: BoardSightings) -> list[Finding]:
    spread = normal_spread_deg(views)
    judged = views.fixed.sum(axis=0) >= FEWEST_BOARDS
    if not judged.any():
        return []
    typical = float(np.median(spread[judged]))
    guilty = _names(sightings, judged & (spread < NEARLY_PARALLEL_DEG))
    severity = Severity.REFUSE if typical < PARALLEL_DEG else Severity.WARN
    if not guilty:
        return []
    return [
        Finding(
            fault=Fault.PARALLEL_BOARDS,
            severity=severity,
            cameras=guilty,
            message=f"{' '.join(guilty)}: boards lie nearly parallel (normals spread by "
            f"{float(spread[judged & (spread < NEARLY_PARALLEL_DEG)].min()):.1f} degrees, expected at least "
            f"{NEARLY_PARALLEL_DEG:g}), so that focal length and distance can't be told apart",
            remedy="tilt the board by 20 to 40 degrees to all sides, not only move it",
        )
    ]


def _one_depth(views: BoardViews, sightings: BoardSightings) -> list[Finding]:
    guilty, ratios = [], []
    for view, name in enumerate(sightings.cameras):
        scale = views.scale_px_m[views.fixed[:, view], view]
        if len(scale) < FEWEST_BOARDS:
            continue
        low, high = np.quantile(scale, [0.1, 0.9])
        if high < _ONE_DEPTH * low:
            guilty.append(name)
            ratios.append(high / low)
    if not guilty:
        return []
    return [
        Finding(
            fault=Fault.ONE_DEPTH,
            severity=Severity.WARN,
            cameras=tuple(guilty),
            message=f"{' '.join(guilty)}: boards all lie at one distance (size in the image varies by "
            f"{100 * (min(ratios) - 1):.0f} %, expected at least {100 * (_ONE_DEPTH - 1):.0f} %)",
            remedy="bring the board nearer and farther, over the whole volume that you will measure in",
        )
    ]


def _names(sightings: BoardSightings, guilty: Array) -> tuple[str, ...]:
    return tuple(name for name, is_guilty in zip(sightings.cameras, guilty, strict=True) if is_guilty)
