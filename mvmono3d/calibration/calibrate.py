"""From sightings of a board to a rig: each camera alone, all placed, then everything together."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from mvmono3d.calibration.board_shape import SIGMA, ShapeEvidence, shape_evidence
from mvmono3d.calibration.board_views import square_side
from mvmono3d.calibration.bundle import MOST_ROUNDS, SETTLED, Adjusted, adjust, check_solver
from mvmono3d.calibration.camera_model import LensModel, as_model, lens_model
from mvmono3d.calibration.intrinsics import OneCamera, numbered, one_camera, without_outliers
from mvmono3d.calibration.lens_choice import choose_lens
from mvmono3d.calibration.pose_graph import Placed, place
from mvmono3d.calibration.report_arrays import told
from mvmono3d.calibration.reprojection import Corners, Estimate, corners_of
from mvmono3d.calibration.rig_lens_choice import choose_models
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration, CalibrationSettings
from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError, unknown_name
from mvmono3d.geometry.rigid import camera_centres, compose, invert

_WIDE_PX = 1.0
"""A lens that two coefficients explain worse than this (RMS) may be a fisheye."""
_ROUGH_ROUNDS = 2
_ROUGH = 1e-4
"""Of the cost: where lens models start to compete from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Everything roughly in place: each lens estimated alone, cameras joined by the boards they share."""

    placed: Placed
    corners: Corners
    """Numbered as the boards of `placed`."""
    original: Int[Array, " placed"]
    """The pose in the sightings that each placed board is."""


def calibrate(
    sightings: BoardSightings, *, settings: CalibrationSettings | None = None, start: Start | None = None
) -> Calibration:
    """Solve for a rig, from `rough_start` of the same sightings if it is at hand.

    The order of cameras and poses changes nothing but the order of the result: poses are taken by label.
    Raises `InvalidRecordError` for a single camera, a camera that sees too little of the board and cameras
    that no boards connect; `UnknownNameError` for a lens model or world pose that isn't there.
    """
    settings = CalibrationSettings() if settings is None else settings
    if len(sightings.cameras) < 2:
        raise InvalidRecordError(f"a rig of {len(sightings.cameras)} cameras: expected at least 2")
    candidates = tuple(lens_model(name) for name in settings.models)
    check_solver(settings.solver)
    start = rough_start(sightings) if start is None else start
    models = _first_models(start, candidates)
    first = _adjusted(start, start.placed.estimate, models, settings, rough=True)
    first, evidence = _with_shape(first, start, sightings, settings)
    choice = choose_models(first, candidates=candidates, solver=settings.solver)
    sigma_m = first.problem.shape_sigma_m
    adjusted = _adjusted(start, first.estimate, choice.models, settings, shape_sigma_m=sigma_m)
    world_from_root = _world(adjusted, start, sightings, settings)
    adjusted = replace(adjusted, estimate=_moved_world(adjusted.estimate, world_from_root))
    return told(
        adjusted,
        sightings,
        corners=start.corners,
        original=start.original,
        choice=choice,
        shape_evidence=evidence,
        settings=settings,
    )


def _with_shape(
    first: Adjusted, start: Start, sightings: BoardSightings, settings: CalibrationSettings
) -> tuple[Adjusted, ShapeEvidence | None]:
    """Measure the board's shape too, if boards not used are then explained better."""
    if not settings.measure_board or settings.solver != "schur":
        return first, None
    sigma_m = SIGMA * square_side(sightings.corners_m)
    evidence = shape_evidence(first, sigma_m=sigma_m)
    if evidence is None or not evidence.matters:
        return first, evidence
    models = first.problem.models
    return _adjusted(start, first.estimate, models, settings, rough=True, shape_sigma_m=sigma_m), evidence


def rough_start(sightings: BoardSightings) -> Start:
    """Estimate every lens alone and place cameras and boards; raises as `calibrate`."""
    order = np.argsort(np.asarray(sightings.labels), kind="stable")
    corners = corners_of(
        replace(
            sightings,
            pixels=sightings.pixels[order],
            seen=sightings.seen[order],
            labels=tuple(sightings.labels[number] for number in order),
            time_ns=None,
        )
    )
    lenses = []
    for view, name in enumerate(sightings.cameras):
        camera = one_camera(corners, view, name=name, size_px=sightings.size_px[view])
        lenses.append(_first_lens(camera))
    placed = place(corners, np.stack(lenses), names=sightings.cameras)
    return Start(placed=placed, corners=numbered(corners, placed.poses), original=order[placed.poses])


def _first_lens(camera: OneCamera) -> Array:
    camera, lens, rms_px = without_outliers(camera)
    if rms_px <= _WIDE_PX:
        return lens
    return choose_lens(camera, candidates=(lens_model("pinhole2"), lens_model("fisheye"))).lens


def _first_models(start: Start, candidates: tuple[LensModel, ...]) -> tuple[LensModel, ...]:
    """Return, for each camera, the richest candidate of the kind that it started as, if there is one."""
    models = []
    for lens in start.placed.estimate.lens:
        alike = [model for model in candidates if model.fisheye == (lens[9] > 0.5)]
        models.append((alike or list(candidates))[-1])
    return tuple(models)


def _adjusted(
    start: Start,
    estimate: Estimate,
    models: tuple[LensModel, ...],
    settings: CalibrationSettings,
    *,
    rough: bool = False,
    shape_sigma_m: float | None = None,
) -> Adjusted:
    lens = np.stack([as_model(one, model) for one, model in zip(estimate.lens, models, strict=True)])
    return adjust(
        replace(estimate, lens=lens),
        start.corners,
        models=models,
        fixed_camera=start.placed.root,
        solver=settings.solver,
        huber=settings.huber,
        outlier=settings.outlier,
        shape_sigma_m=shape_sigma_m,
        rounds=_ROUGH_ROUNDS if rough else MOST_ROUNDS,
        tolerance=_ROUGH if rough else SETTLED,
    )


def _world(
    adjusted: Adjusted, start: Start, sightings: BoardSightings, settings: CalibrationSettings
) -> Array:
    """Return world_from_root: the chosen board's frame, turned so that +Z points to the cameras' side."""
    labels = [sightings.labels[number] for number in start.original]
    if settings.world_pose is None:
        chosen = int(np.argmax(np.bincount(adjusted.problem.corners.pose, minlength=len(labels))))
    elif settings.world_pose in labels:
        chosen = labels.index(settings.world_pose)
    elif settings.world_pose in sightings.labels:
        raise InvalidRecordError(
            f"board pose {settings.world_pose!r} is to say where the world is, but no camera sees enough of "
            f"it: show the board there again, or take one of {', '.join(labels)}"
        )
    else:
        raise unknown_name("board pose", settings.world_pose, labels, where="the poses that were solved")
    estimate = adjusted.estimate
    world_from_root = invert(estimate.world_from_board[chosen])
    centres = camera_centres(compose(estimate.camera_from_world, invert(world_from_root)[None]))
    if centres[:, 2].mean() < 0.0:
        # A half turn about X: the board's +Z points away from who looks at its print.
        half_turn = np.concatenate([np.diag([1.0, -1.0, -1.0]), np.zeros((3, 1))], axis=1)
        world_from_root = compose(half_turn, world_from_root)
    return world_from_root


def _moved_world(estimate: Estimate, new_from_old: Array) -> Estimate:
    return replace(
        estimate,
        camera_from_world=compose(estimate.camera_from_world, invert(new_from_old)[None]),
        world_from_board=compose(new_from_old[None], estimate.world_from_board),
    )
