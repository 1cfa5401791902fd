"""What is measured: worlds that no training saw, and the disturbances that are replayed on them."""

from dataclasses import dataclass, replace

from mvmono3d.evaluation.stress.measures import Tolerance
from mvmono3d.evaluation.stress.replay import LARGE_ACTOR, SMALL_ACTOR
from mvmono3d.evaluation.stress.rows import ROWS, Row, rows_named
from mvmono3d.evaluation.stress.takes import SyntheticTake
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.settings import WorldSettings
from mvmono3d.synthetic.splits import Split, clip_seeds

FIRST_TEST_CLIP = 40_000
"""Far from the clips that trainings, stress replays and the comparison with peers look at."""
PLAIN_ROWS = rows_named([])
QUICK_ROWS = rows_named(["limb_hidden", "shift_large", "shift_large_told"])
SHIFT = "shift_large"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A world, its disturbances, and the methods beside the learned one."""

    name: str
    title: str
    settings: WorldSettings
    rows: tuple[Row, ...] = PLAIN_ROWS
    baselines: tuple[str, ...] = ("robust", "kalman")
    tolerance: Tolerance = LARGE_ACTOR
    scenes: int

    def take(self, scene):
        """Return a scene of people and rigs of the test split."""
        seeds = next(iter(clip_seeds(Split.TEST, 1, first=FIRST_TEST_CLIP + scene)))
        return SyntheticTake(settings=self.settings, seeds=seeds)


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much is measured."""

    scenes: int = 40
    stress_scenes: int = 12
    frames: int = 300
    stress_rows: tuple[Row, ...] = ROWS


QUICK = Amount(scenes=2, stress_scenes=2, frames=45, stress_rows=QUICK_ROWS)


def kind_of(skeleton):
    """Return "hand", "body", or "animal": bars are set for the first two."""
    if skeleton.name.startswith("hand"):
        return "hand"
    return "body" if skeleton.name.startswith(("body", "halpe")) else "animal"


def sections_of(skeleton, amount):
    """Return what is measured for a bundle of that skeleton; animals have real recordings alone."""
    kind = kind_of(skeleton)
    if kind == "animal":
        return []
    return _body(skeleton.name, amount) if kind == "body" else _hand(skeleton.name, amount)


def _body(name, amount):
    world = replace(preset("realistic", skeleton=name), frames=amount.frames)
    dead = rows_named(["dead_1"])[1:]
    return [
        Section(
            name=f"{name}-ring",
            title=f"{name}: ring rigs, realistic detector",
            settings=_layout(world, "ring"),
            scenes=amount.scenes,
        ),
        *(
            Section(
                name=f"{name}-{layout}3",
                title=f"{name}: layout {layout}, one of four cameras dead, 30 Hz",
                settings=replace(_layout(world, layout), rate_hz=30.0),
                rows=dead,
                scenes=amount.scenes,
            )
            for layout in ("arc", "corners")
        ),
        _stress(name, world, amount, LARGE_ACTOR),
    ]


def _hand(name, amount):
    world = replace(preset("realistic", skeleton=name), frames=amount.frames)
    return [
        Section(
            name=f"{name}-ring",
            title=f"{name}: ring rigs, realistic detector",
            settings=_layout(world, "ring"),
            tolerance=SMALL_ACTOR,
            scenes=amount.scenes,
        ),
        Section(
            name=f"{name}-E",
            title=f"{name}: regime E, grasp-like bursts, live (lag 0)",
            settings=replace(preset("E", skeleton=name), frames=amount.frames),
            tolerance=SMALL_ACTOR,
            scenes=amount.scenes,
        ),
        _stress(name, world, amount, SMALL_ACTOR),
    ]


def _stress(name, world, amount, tolerance):
    return Section(
        name=f"{name}-stress",
        title=f"{name}: every stress row",
        settings=world,
        rows=amount.stress_rows,
        baselines=("robust",),
        tolerance=tolerance,
        scenes=amount.stress_scenes,
    )


def _layout(world, layout):
    return replace(world, rig=replace(world.rig, layouts=(layout,)))
