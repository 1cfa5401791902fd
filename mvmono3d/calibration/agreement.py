"""Which cameras agree about the boards that they share, pair by pair, before anything is adjusted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.calibration.calibrate import Start
from mvmono3d.calibration.pose_graph import SeenBoard, join
from mvmono3d.calibration.reprojection import residuals
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

GATE = 0.016
"""Median error of a picture over the image's width (20 px of 1280): beyond it the picture contradicts."""
FEWEST_SHARED = 3
AGREES = 0.85
"""Share of the shared boards that two cameras must agree about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed(Record):
    """How far each picture is from where the start expects the board."""

    median_px: Float[Array, "placed view"]
    """0 where not seen."""
    seen: Bool[Array, "placed view"]

    def contradicts(self, gate_px: Float[Array, " view"]) -> Bool[Array, "placed view"]:
        """Say which pictures lie beyond a camera's gate."""
        return self.seen & (self.median_px > gate_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Record):
    """What pairs of cameras say about their shared boards."""

    share: Float[Array, "view view"]
    """Of the boards tried, those that lie where the other camera saw them; 0 without enough boards."""
    judged: Bool[Array, "view view"]
    """Pairs with enough boards."""


def missed(start: Start) -> Missed:
    """Return the median error of every picture under the start."""
    estimate, corners = start.placed.estimate, start.corners
    shape = (len(estimate.world_from_board), len(estimate.lens))
    lengths = np.linalg.norm(residuals(estimate, corners), axis=-1)
    median, seen = np.zeros(shape), np.zeros(shape, dtype=bool)
    order = np.lexsort((corners.view, corners.pose))
    keys = corners.pose[order] * shape[1] + corners.view[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    for mine in np.split(order, starts[1:]):
        place = corners.pose[mine[0]], corners.view[mine[0]]
        median[place], seen[place] = float(np.median(lengths[mine])), True
    return Missed(median_px=median, seen=seen)


def agreement(seen: Mapping[tuple[int, int], SeenBoard], *, gate_px: Float[Array, " view"]) -> Agreement:
    """Join every pair of cameras by itself, and count the boards that both place alike."""
    views = len(gate_px)
    share, judged = np.zeros((views, views)), np.zeros((views, views), dtype=bool)
    for one in range(views):
        for other in range(one + 1, views):
            pairs = shared_boards(seen, one, other)
            if len(pairs) < FEWEST_SHARED:
                continue
            gate = max(gate_px[one], gate_px[other])
            share[one, other] = share[other, one] = float((join(pairs).errors_px < gate).mean())
            judged[one, other] = judged[other, one] = True
    return Agreement(share=share, judged=judged)


def shared_boards(
    seen: Mapping[tuple[int, int], SeenBoard], one: int, other: int, *, later: int = 0
) -> list[tuple[SeenBoard, SeenBoard]]:
    """Return the boards of both cameras, of `one` from the pose that many places later."""
    return [
        (seen[one, pose + later], seen[other, pose])
        for view, pose in seen
        if view == other and (one, pose + later) in seen
    ]


def guilty_cameras(found: Agreement) -> Int[Array, " guilty"]:
    """Return the fewest cameras without which all others agree; both of a last pair, as nobody can tell."""
    left = [int(view) for view in np.flatnonzero(found.judged.any(axis=1))]
    guilty: list[int] = []
    while len(left) > 1:
        best = {view: _best_share(found, view, left) for view in left}
        if min(best.values()) >= AGREES:
            break
        worst = min(left, key=lambda view: (_mean_share(found, view, left), view))
        guilty.append(worst)
        left.remove(worst)
    if len(left) == 1:
        guilty += left
    return np.array(sorted(guilty), dtype=np.int64)


def _best_share(found: Agreement, view: int, among: list[int]) -> float:
    shares = [found.share[view, other] for other in among if found.judged[view, other]]
    return max(shares, default=1.0)


def _mean_share(found: Agreement, view: int, among: list[int]) -> float:
    shares = [found.share[view, other] for other in among if found.judged[view, other]]
    return float(np.mean(shares)) if shares else 1.0
