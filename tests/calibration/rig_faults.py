"""Sets of sightings that no rig may come from, or only with a word of warning: one mistake each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mvmono3d.calibration.findings import Fault
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.geometry.rigid import (
    camera_centres,
    compose,
    invert,
    rotation_from_vector,
    transform_from,
)
from tests.calibration.board_motions import aligned, filmed
from tests.calibration.rig_sets import (
    SIZE,
    Habits,
    World,
    photographed,
    random_world,
)


@dataclass(frozen=True)
class BadSet:
    kind: str
    sightings: BoardSightings
    faults: frozenset[Fault]
    """One of these must be found."""
    cameras: frozenset[str] = frozenset()
    """The finding must name exactly these; empty for any."""
    world_pose: str | None = None


Maker = Callable[[int, np.random.Generator], BadSet]


def bad_set(seed: int) -> BadSet:
    """The kinds of mistakes in turn, each time with another rig."""
    kind = list(MAKERS)[seed % len(MAKERS)]
    return MAKERS[kind](seed, np.random.default_rng((78, seed)))


def few_boards(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed, poses=int(generator.integers(2, 5))))
    return BadSet("few boards", made, frozenset({Fault.TOO_FEW_BOARDS}))


def camera_sees_little(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed))
    view = int(generator.integers(len(made.cameras)))
    seen = np.array(made.seen)
    seen[np.flatnonzero(seen[:, view].any(axis=-1))[int(generator.integers(1, 5)) :], view] = False
    return BadSet(
        "camera sees little",
        _only(made, seen),
        frozenset({Fault.TOO_FEW_BOARDS}),
        frozenset({made.cameras[view]}),
    )


def middle_only(seed: int, generator: np.random.Generator) -> BadSet:
    world = random_world(seed, habits=Habits(reach=0.05, depth=0.1))
    made = photographed(replace(world, corners=world.corners * generator.uniform(0.3, 0.5)))
    return BadSet("middle only", made, frozenset({Fault.POOR_COVERAGE}))


def parallel(seed: int, generator: np.random.Generator) -> BadSet:
    world = aligned(random_world(seed), tilt=np.radians(generator.uniform(0.0, 2.0)), generator=generator)
    return BadSet("parallel boards", photographed(world), frozenset({Fault.PARALLEL_BOARDS}))


def slid(seed: int, generator: np.random.Generator) -> BadSet:
    world = aligned(random_world(seed), tilt=0.0, generator=generator)
    poses = np.array(world.estimate.world_from_board)
    middle = camera_centres(world.estimate.camera_from_world).mean(axis=0)
    along = middle / np.linalg.norm(middle)
    poses[:, :, 3] -= (poses[:, :, 3] @ along)[:, None] * along
    made = photographed(replace(world, estimate=replace(world.estimate, world_from_board=poses)))
    return BadSet("slid in its plane", made, frozenset({Fault.PARALLEL_BOARDS}))


def one_depth(seed: int, generator: np.random.Generator) -> BadSet:
    world = random_world(seed, views=2, habits=Habits(tilt=np.radians(8.0), depth=0.02, reach=0.2))
    return BadSet("one depth", photographed(world), frozenset({Fault.ONE_DEPTH, Fault.PARALLEL_BOARDS}))


def mirrored(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed))
    views = len(made.cameras)
    chosen = [int(generator.integers(views))] if generator.random() < 0.6 else list(range(views))
    return BadSet(
        "mirrored",
        flipped(made, chosen, axis=int(generator.integers(2))),
        frozenset({Fault.MIRRORED}),
        frozenset(made.cameras[view] for view in chosen),
    )


def mirrored_chessboard(seed: int, generator: np.random.Generator) -> BadSet:
    """A chessboard looks as well in the mirror: its corners are numbered from the other side."""
    world = random_world(seed, views=int(generator.integers(3, 9)))
    made = photographed(world)
    view = int(generator.integers(len(made.cameras)))
    made = flipped(made, [view], axis=0)
    columns = world.columns
    number = np.arange(len(made.corners_m)).reshape(-1, columns)[:, ::-1].ravel()
    pixels, seen = np.array(made.pixels), np.array(made.seen)
    pixels[:, view], seen[:, view] = pixels[:, view][:, number], seen[:, view][:, number]
    return BadSet(
        "mirrored chessboard",
        replace(made, pixels=pixels, seen=seen),
        frozenset({Fault.MIRRORED, Fault.MISFIT_CAMERA}),
        frozenset({made.cameras[view]}),
    )


def swapped(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed, poses=int(generator.integers(20, 61))))
    one, other = (int(view) for view in generator.choice(len(made.cameras), 2, replace=False))
    start = int(len(made.labels) * generator.uniform(0.5, 0.75))
    pixels, seen = np.array(made.pixels), np.array(made.seen)
    for table in (pixels, seen):
        table[start:, [one, other]] = table[start:, [other, one]]
    return BadSet(
        "swapped",
        replace(made, pixels=pixels, seen=seen),
        frozenset({Fault.SWAPPED_CAMERAS}),
        frozenset({made.cameras[one], made.cameras[other]}),
    )


def duplicated(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed))
    one, other = (int(view) for view in generator.choice(len(made.cameras), 2, replace=False))
    pixels, seen = np.array(made.pixels), np.array(made.seen)
    again = generator.normal(scale=generator.choice([0.0, 0.1]), size=pixels[:, one].shape)
    pixels[:, other], seen[:, other] = pixels[:, one] + again * seen[:, one, :, None], seen[:, one]
    return BadSet(
        "duplicated",
        replace(made, pixels=pixels, seen=seen),
        frozenset({Fault.DUPLICATED_CAMERAS}),
        frozenset({made.cameras[one], made.cameras[other]}),
    )


def wrong_layout(seed: int, generator: np.random.Generator) -> BadSet:
    """The file says columns and rows the wrong way round, or one column too many."""
    world = random_world(seed)
    made = photographed(world)
    count, columns = len(world.corners), world.columns
    other = count // columns if generator.random() < 0.5 else columns + 1
    side = float(world.corners[1, 0])
    number = np.arange(count)
    plan = side * np.stack([number % other, number // other, np.zeros(count)], axis=-1)
    return BadSet("wrong layout", replace(made, corners_m=plan), frozenset({Fault.WRONG_BOARD}))


def wrong_proportions(seed: int, generator: np.random.Generator) -> BadSet:
    """Printed with one side stretched: squares are no squares."""
    made = photographed(random_world(seed))
    stretched = made.corners_m * np.array(
        [1.0 + generator.choice([-1, 1]) * generator.uniform(0.02, 0.08), 1.0, 1.0]
    )
    return BadSet(
        "wrong proportions",
        replace(made, corners_m=stretched),
        frozenset({Fault.WRONG_PROPORTIONS, Fault.WRONG_BOARD}),
    )


def moved_camera(seed: int, generator: np.random.Generator) -> BadSet:
    world = random_world(seed, views=int(generator.integers(3, 9)))
    view = int(generator.integers(len(world.estimate.lens)))
    turn = generator.normal(size=3)
    turn *= np.radians(generator.uniform(0.5, 4.0)) / np.linalg.norm(turn)
    bump = transform_from(rotation_from_vector(turn), generator.uniform(-0.02, 0.02, 3))
    boards = np.repeat(world.estimate.world_from_board[:, None], len(world.estimate.lens), axis=1)
    start = int(len(boards) * generator.uniform(0.5, 0.75))
    moving = world.estimate.camera_from_world[view]
    # A camera that moves before the board: the board moves before the camera.
    into = compose(invert(moving)[None], compose(bump[None], moving[None]))[0]
    boards[start:, view] = compose(into[None], boards[start:, view])
    return BadSet(
        "moved camera",
        photographed(world, shown=boards),
        frozenset({Fault.MOVED_CAMERA, Fault.MISFIT_CAMERA}),
        frozenset({f"cam{view}"}),
    )


def refocused_camera(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed, views=int(generator.integers(3, 9))))
    view = int(generator.integers(len(made.cameras)))
    start = int(len(made.labels) * generator.uniform(0.5, 0.75))
    pixels = np.array(made.pixels)
    middle, zoom = np.array(SIZE) / 2.0, 1.0 - generator.uniform(0.02, 0.08)
    pixels[start:, view] = middle + zoom * (pixels[start:, view] - middle)
    pixels *= made.seen[..., None]
    return BadSet(
        "refocused camera",
        replace(made, pixels=pixels),
        frozenset({Fault.MOVED_CAMERA, Fault.MISFIT_CAMERA}),
        frozenset({made.cameras[view]}),
    )


def wrong_pairs(seed: int, generator: np.random.Generator) -> BadSet:
    """One camera's pictures are numbered from another start."""
    made = photographed(random_world(seed, views=int(generator.integers(3, 9))))
    view, by = int(generator.integers(len(made.cameras))), int(generator.integers(1, 4))
    pixels, seen = np.array(made.pixels), np.array(made.seen)
    pixels[:, view], seen[:, view] = np.roll(pixels[:, view], by, axis=0), np.roll(seen[:, view], by, axis=0)
    return BadSet(
        "wrong pairs",
        replace(made, pixels=pixels, seen=seen),
        frozenset({Fault.UNSYNCHRONISED, Fault.MISFIT_CAMERA}),
        frozenset({made.cameras[view]}),
    )


def disconnected(seed: int, generator: np.random.Generator) -> BadSet:
    made = photographed(random_world(seed, views=int(generator.integers(4, 9)), poses=60))
    split = int(generator.integers(2, len(made.cameras) - 1))
    seen = np.array(made.seen)
    seen[::2, :split], seen[1::2, split:] = False, False
    return BadSet("disconnected", _only(made, seen), frozenset({Fault.DISCONNECTED}))


def unsynchronised(seed: int, generator: np.random.Generator) -> BadSet:
    """A film of a board that is carried about; one camera's clock is late by some frames."""
    world = random_world(seed, views=int(generator.integers(2, 7)), poses=12)
    frames = int(generator.integers(60, 91))
    late = generator.choice([-1, 1]) * generator.uniform(0.5, 3.0)
    view = int(generator.integers(len(world.estimate.lens)))
    offsets = np.zeros(len(world.estimate.lens))
    offsets[view] = late
    boards = filmed(world, np.arange(frames)[:, None] + offsets)
    still = replace(world.estimate, world_from_board=boards[:, 0])
    sightings = photographed(replace(world, estimate=still), shown=boards)
    named = frozenset({f"cam{view}"}) if len(offsets) > 2 else frozenset()
    return BadSet("unsynchronised", sightings, frozenset({Fault.UNSYNCHRONISED}), named)


def under_floor(seed: int, generator: np.random.Generator) -> BadSet:
    """The board that says where the floor is was held up: some cameras look at it from below its plane."""
    world = random_world(seed, views=int(generator.integers(3, 9)))
    centres = camera_centres(world.estimate.camera_from_world)
    # A plane through the middle that has the first camera alone behind it.
    up = -(centres[0] / np.linalg.norm(centres[0])) + 0.2 * np.array([0.0, 0.0, 1.0])
    other = centres[1:] @ up > 0.05
    if not other.any():
        up = np.array([0.0, 0.0, 1.0]) - 0.9 * centres[0] / np.linalg.norm(centres[0])
    z = -up / np.linalg.norm(up)
    x = np.cross([1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    board = transform_from(np.stack([x, np.cross(z, x), z], axis=-1), np.zeros(3))
    made = photographed(world)
    return BadSet(
        "under floor", _with_pose(world, made, board), frozenset({Fault.UNDER_FLOOR}), world_pose="floor"
    )


def flipped(made: BoardSightings, views: list[int], *, axis: int) -> BoardSightings:
    pixels = np.array(made.pixels)
    pixels[:, views, :, axis] = SIZE[axis] - 1.0 - pixels[:, views, :, axis]
    return replace(made, pixels=np.where(made.seen[..., None], pixels, 0.0))


def _with_pose(world: World, made: BoardSightings, board: np.ndarray) -> BoardSightings:
    one = replace(world.estimate, world_from_board=board[None])
    shown = photographed(replace(world, estimate=one), noise_px=0.2, hidden=0.1)
    return replace(
        made,
        pixels=np.concatenate([made.pixels, shown.pixels]),
        seen=np.concatenate([made.seen, shown.seen]),
        labels=(*made.labels, "floor"),
    )


def _only(made: BoardSightings, seen: np.ndarray) -> BoardSightings:
    return replace(made, seen=seen, pixels=np.where(seen[..., None], made.pixels, 0.0))


MAKERS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        *(few_boards, camera_sees_little, middle_only, parallel, slid, one_depth, mirrored),
        *(mirrored_chessboard, swapped, duplicated, wrong_layout, wrong_proportions, moved_camera),
        *(refocused_camera, wrong_pairs, disconnected, unsynchronised, under_floor),
    )
}
"""Every mistake by name."""
