"""Do the cameras agree at all? Checked when everything is only roughly in place."""

from itertools import combinations

import numpy as np

from mvmono3d.calibration.agreement import GATE, Missed, agreement, guilty_cameras, missed
from mvmono3d.calibration.calibrate import Start
from mvmono3d.calibration.findings import Fault, Finding, Severity
from mvmono3d.calibration.pose_graph import seen_boards
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.suspicions import (
    Lateness,
    Seen,
    exchanged_since,
    is_mirrored,
    lateness,
    swap_explains,
)
from mvmono3d.core.array import Array

_CONTRADICTS = 0.1
"""Share of a camera's pictures that may contradict the rest: single wrong pictures are left out."""
_SWAPPED = 0.6
_MOST_TRIED = 12
_SIDES = 0.8
"""Of the pictures before and after an instant that agree and don't: then the camera moved there."""


def checked_start(start: Start, sightings: BoardSightings) -> tuple[Finding, ...]:
    """Return which cameras contradict the others, and why, if a reason explains it."""
    gate_px = GATE * np.asarray(sightings.size_px[:, 0], dtype=np.float64)
    found = missed(start)
    wrong = found.contradicts(gate_px)
    share = wrong.sum(axis=0) / np.maximum(found.seen.sum(axis=0), 1)
    if not (share > _CONTRADICTS).any():
        return ()
    # By row of the sightings, so that neighbours in the recording are neighbours here.
    seen = {
        (view, int(start.original[pose])): board
        for (view, pose), board in seen_boards(start.corners, start.placed.estimate.lens).items()
    }
    pairs = agreement(seen, gate_px=gate_px)
    guilty = [int(view) for view in guilty_cameras(pairs)] or [int(np.argmax(share))]
    poses = np.sort(start.original[wrong.any(axis=1)])
    suspects = sorted({*guilty, *np.flatnonzero(share > _CONTRADICTS).tolist()})
    swap = _swapped(start, seen, suspects, poses, gate_px, sightings)
    if swap is None:
        swap = _swapped_since(start, seen, suspects, found, gate_px, sightings)
    if swap is not None:
        return (swap,)
    mates = {view: _mate(pairs.share * pairs.judged, view, guilty) for view in guilty}
    if len(guilty) == len(sightings.cameras):
        # Nobody is innocent: one explanation of the first against the second serves both.
        guilty = guilty[-1:]
    return tuple(
        _explained(start, seen, view, mates[view], found, sightings, gate_px=float(gate_px[view]))
        for view in guilty
    )


def _mate(share: Array, view: int, guilty: list[int]) -> int:
    """Return the innocent camera that agrees best with this one, else the one that sees most with it."""
    order = np.argsort(-share[view], kind="stable")
    innocent = [int(other) for other in order if other not in guilty]
    rest = [int(other) for other in order if other != view]
    return (innocent or rest)[0]


def _swapped(
    start: Start, seen: Seen, suspects: list[int], poses: Array, gate_px: Array, sightings: BoardSightings
) -> Finding | None:
    tried = poses[np.unique(np.linspace(0, len(poses) - 1, _MOST_TRIED).astype(np.int64))]
    best, pair = 0.0, (0, 0)
    for one, other in combinations(suspects, 2):
        gate = 2.0 * float(max(gate_px[one], gate_px[other]))
        share = swap_explains(start, seen, one, other, poses=tried, gate_px=gate)
        if share > best:
            best, pair = share, (one, other)
    if best < _SWAPPED:
        return None
    names = tuple(sightings.cameras[view] for view in pair)
    first, last = (sightings.labels[pose] for pose in (poses[0], poses[-1]))
    return Finding(
        fault=Fault.SWAPPED_CAMERAS,
        severity=Severity.REFUSE,
        cameras=names,
        message=f"{names[0]} and {names[1]} have exchanged their pictures in {len(poses)} poses "
        f"({first} to {last}): exchanged back, {100 * best:.0f} % of them fit",
        remedy="bind cameras to names by serial number, and put these pictures into the right folders",
    )


def _swapped_since(
    start: Start, seen: Seen, suspects: list[int], found: Missed, gate_px: Array, sightings: BoardSightings
) -> Finding | None:
    """Look for a pose from which on two cameras' pictures must be exchanged for all to agree.

    Where as many poses are exchanged as not, the start joins some cameras by the one and some by the other.
    """
    wrong = found.contradicts(gate_px)
    order = np.argsort(start.original, kind="stable")
    cuts = set()
    for view in suspects:
        rows = order[found.seen[order, view]]
        cut = _moved_at(wrong[rows, view])
        if cut is not None:
            cuts.add(int(start.original[rows[cut]]))
    for since in sorted(cuts):
        for one, other in combinations(suspects, 2):
            pairs = agreement(exchanged_since(seen, one, other, since=since), gate_px=2.0 * gate_px)
            if pairs.judged[one, other] and len(guilty_cameras(pairs)) == 0:
                names = (sightings.cameras[one], sightings.cameras[other])
                return Finding(
                    fault=Fault.SWAPPED_CAMERAS,
                    severity=Severity.REFUSE,
                    cameras=names,
                    message=f"{names[0]} and {names[1]} exchange their pictures at pose "
                    f"{sightings.labels[since]}: exchanged back, all cameras agree",
                    remedy="bind cameras to names by serial number, and put these pictures into the right "
                    "folders",
                )
    return None


def _explained(
    start: Start,
    seen: Seen,
    view: int,
    mate: int,
    found: Missed,
    sightings: BoardSightings,
    *,
    gate_px: float,
) -> Finding:
    name, other = sightings.cameras[view], sightings.cameras[mate]
    if is_mirrored(seen, view, mate, size_px=sightings.size_px, corners_m=sightings.corners_m):
        return Finding(
            fault=Fault.MIRRORED,
            severity=Severity.REFUSE,
            cameras=(name,),
            message=f"{name} fits the others only with its pictures turned left for right",
            remedy="switch off mirroring in the camera's driver or the converter and record again",
        )
    late = lateness(seen, view, mate)
    if late is not None:
        return _late(late, name, other, alone=len(sightings.cameras) == 2)
    return _misfit(start, view, found, sightings, gate_px=gate_px)


def _late(late: Lateness, name: str, other: str, *, alone: bool) -> Finding:
    # Its picture of this instant lies later in its own recording: it started early.
    word = "behind" if late.places > 0 else "ahead of"
    return Finding(
        fault=Fault.UNSYNCHRONISED,
        severity=Severity.REFUSE,
        cameras=(other, name) if alone else (name,),
        message=f"{name} is {abs(late.places):.2g} frames {word} {other}: shifted by that the boards fit to "
        f"{late.error_px:.1f} px, as paired to {late.error_as_is_px:.0f} px",
        remedy="start the cameras by one trigger, number the pictures of one instant alike, or give "
        "timestamps.csv",
    )


def _misfit(start: Start, view: int, found: Missed, sightings: BoardSightings, *, gate_px: float) -> Finding:
    name = sightings.cameras[view]
    rows = np.flatnonzero(found.seen[:, view])
    rows = rows[np.argsort(start.original[rows], kind="stable")]
    wrong = found.median_px[rows, view] > gate_px
    since = _moved_at(wrong)
    typical = float(np.median(found.median_px[rows, view]))
    if since is not None:
        label = sightings.labels[start.original[rows[since]]]
        return Finding(
            fault=Fault.MOVED_CAMERA,
            severity=Severity.REFUSE,
            cameras=(name,),
            message=f"{name} moved or changed its zoom or focus about pose {label}: boards before and after "
            "it don't fit one camera",
            remedy=f"fasten {name}, lock focus and zoom, and record anew, or leave one side of {label} out",
        )
    return Finding(
        fault=Fault.MISFIT_CAMERA,
        severity=Severity.REFUSE,
        cameras=(name,),
        message=f"{name} contradicts the other cameras in {int(wrong.sum())} of {len(wrong)} boards "
        f"({typical:.0f} px, median)",
        remedy=f"check that the pictures of {name} are of this rig and this session, paired with the others, "
        "neither cropped nor resized, and that the camera stood still",
    )


def _moved_at(wrong: Array) -> int | None:
    """Return the place that parts pictures that agree from those that don't, if one does."""
    best, place = 0.0, None
    for cut in range(2, len(wrong) - 1):
        before, after = float(wrong[:cut].mean()), float(wrong[cut:].mean())
        score = min(max(before, after), 1.0 - min(before, after))
        if score > best:
            best, place = score, cut
    return place if best > _SIDES else None
