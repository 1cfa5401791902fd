"""What stands before the virtual rig. Imports the renderer: for the virtual rig's own process alone."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.calibration.board_pattern import draw_board
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_truth import rig_path, take_folder
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.rigid import camera_centres, rotation_from_vector, transform_from
from mvmono3d.synthetic.actors import stage
from mvmono3d.synthetic.props import PropSettings
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.render.renderer import Renderer, RenderSettings, exposure_times
from mvmono3d.synthetic.render.sheet import Sheet, SheetRenderer
from mvmono3d.synthetic.render.take import Pictures, Take, write_take
from mvmono3d.synthetic.streams import generator

BOARD = Board(
    kind=BoardKind.CHARUCO, squares=(7, 5), square_m=0.055, marker_m=0.036, dictionary="DICT_4X4_50"
)
"""The board of the scene "board", and of `deploy/sites/virtual/board.toml`."""
_SKELETONS = {"hand": "hand21", "body": "body17"}
_PROPS = PropSettings(held=0.3, moving=1, standing=0)
_MARGIN = 0.4
"""White round the board, in squares."""
_REACH = np.array([0.27, 0.27, 0.15, 0.45, 0.45, 1.2])
_PACE_HZ = np.array([0.25, 0.375, 0.19, 0.31, 0.44, 0.125])
"""How far and how often the board goes along the world's axes (m) and turns about its own (rad): six numbers
without a common beat, so that seconds are enough to show it everywhere."""
_TEXELS = 96
"""Of the board's print, per square."""


def pictures_of(source: VirtualSource, *, rate_hz: float, exposure_ns: int) -> Pictures:
    """Return the renderer of a virtual scene; see `VirtualSource`."""
    rig, exposure_s = read_rig(rig_path(source)), exposure_ns * 1e-9
    frames = max(2, round(source.seconds * rate_hz))
    settings = RenderSettings(
        samples=1 if source.live else 3, fineness=0.6 if source.live else 0.75, threads=2
    )
    if source.scene == "board":
        return _board(rig, replace(settings, samples=5), source.seed, frames, rate_hz, exposure_s)
    times = exposure_times(frames, rate_hz=rate_hz, exposure_s=exposure_s, samples=settings.samples)
    skeleton = load_skeleton(source.skeleton or _SKELETONS[source.scene])
    staged = stage(skeleton, times, seed=source.seed, subject=source.seed, props=_PROPS)
    look = replace(draw_look(source.seed), skin=0.55, background=0.06, sleeve=0.7)
    made = Renderer([staged], rig, looks=[look], settings=settings)
    if not made.truth(0)[0].state.min() < 3:
        raise ConfigurationError(
            f"virtual scene {source.scene!r} is seen by no camera of the rig: expected a rig round the "
            "world's origin; scene 'body' needs one of the size of a room"
        )
    return made


def rendered_take(
    source: VirtualSource,
    *,
    rate_hz: float,
    exposure_ns: int,
    progress: Callable[[int, int], None] | None = None,
) -> Take:
    """Return the scene's take from the user's cache, rendered first where it isn't there."""
    folder = take_folder(source, rate_hz=rate_hz, exposure_ns=exposure_ns)
    if (folder / "index.npz").is_file():
        return Take(folder)
    pictures = pictures_of(source, rate_hz=rate_hz, exposure_ns=exposure_ns)
    return write_take(folder, pictures, progress=progress)


def _board(
    rig: Rig, settings: RenderSettings, seed: int, frames: int, rate_hz: float, exposure_s: float
) -> SheetRenderer:
    times = exposure_times(frames, rate_hz=rate_hz, exposure_s=exposure_s, samples=settings.samples)
    look = replace(draw_look(seed), background=0.06)
    return SheetRenderer(
        board_sheet(BOARD, wave_board(BOARD, rig, times, seed=seed)), rig, look=look, settings=settings
    )


def board_sheet(board: Board, world_from_board: np.ndarray) -> Sheet:
    """Return a board printed on a sheet with a white margin."""
    page = draw_board(board, pixels_per_square=_TEXELS)
    margin = round(_MARGIN * _TEXELS)
    page = cv2.copyMakeBorder(page, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(255,))
    edge = margin / _TEXELS * board.square_m
    return Sheet(
        print=np.asarray(page, dtype=np.uint8),
        size_m=np.array(board.squares) * board.square_m + 2.0 * edge,
        corner_m=np.full(2, -edge),
        points_m=board.corners_m(),
        world_from_sheet=world_from_board,
        two_sided=board.two_sided,
    )


def wave_board(board: Board, rig: Rig, time_s: np.ndarray, *, seed: int) -> np.ndarray:
    """Return poses `(time, 3, 4)` of a board led over the cameras' images, near and far, tilted every way."""
    size, watched = np.array(board.squares) * board.square_m, _watched(rig)
    phase = generator(seed, "virtual board").uniform(0.0, 2.0 * np.pi, 6)
    moves = _REACH * np.sin(2.0 * np.pi * _PACE_HZ * time_s[:, None] + phase)
    # The front faces -Z: a turned board looks at the cameras' middle.
    towards = camera_centres(np.asarray(rig.camera_from_world)).mean(axis=0) - watched
    towards /= np.linalg.norm(towards)
    side = np.cross(towards, [0.0, 1.0, 0.0] if abs(towards[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    facing = np.stack([side, np.cross(-towards, side), -towards], axis=1)
    rotation = facing @ rotation_from_vector(moves[:, 3:])
    middle = np.array([*(0.5 * size), 0.0])
    return transform_from(rotation, watched + moves[:, :3] - rotation @ middle)


def _watched(rig: Rig) -> np.ndarray:
    """Return the point nearest to all cameras' optical axes."""
    poses = np.asarray(rig.camera_from_world)
    across = np.eye(3) - poses[:, 2, :3, None] * poses[:, 2, None, :3]
    return np.linalg.solve(across.sum(axis=0), np.einsum("vij,vj->i", across, camera_centres(poses)))
