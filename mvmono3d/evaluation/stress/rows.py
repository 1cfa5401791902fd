"""The rows of the stress table: named, seeded changes of a clip, or of the world that makes it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.limbs import limb_of_joint
from mvmono3d.errors import unknown_name
from mvmono3d.evaluation.stress import cameras, detector, occluder
from mvmono3d.evaluation.stress.takes import SyntheticTake, Take
from mvmono3d.synthetic.settings import WorldSettings
from mvmono3d.synthetic.streams import generator


class Draw(NamedTuple):
    """What a disturbance may use besides the clip."""

    random: np.random.Generator
    sigma_px: float
    """Noise of the undisturbed recording's good detections, per axis."""


Disturbance: TypeAlias = Callable[[Clip, Draw], Clip | None]
WorldChange: TypeAlias = Callable[[WorldSettings], WorldSettings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A disturbance: of any clip, of the synthetic world, or both; synthetic takes prefer the world."""

    name: str
    title: str
    disturb: Disturbance | None = None
    world: WorldChange | None = None
    suits: Callable[[Clip], bool] = lambda clip: True
    """Whether it makes sense for a clip: mirrored joints to swap, cameras to spare."""
    draws: str = ""
    """Rows of equal draws share their random numbers: they differ in one thing. Its own name if ""."""

    def replay(self, take: Take, clip: Clip, *, sigma_px: float, seed: int) -> Clip | None:
        """Return the disturbed clip; None where the row does not suit the take.

        `clip` is the undisturbed take (`takes.undisturbed`). Equal arguments give equal clips.
        """
        if not self.suits(clip):
            return None
        if self.world is not None and isinstance(take, SyntheticTake):
            changed = self.world(take.settings)
            return None if changed == take.settings else take.clip(changed)
        if self.disturb is None:
            return None
        random = generator(seed, f"stress {self.draws or self.name}")
        return self.disturb(clip, Draw(random=random, sigma_px=sigma_px))


def rows_named(names: Iterable[str]) -> tuple[Row, ...]:
    """Return the rows of those names, "undisturbed" first whether asked for or not."""
    known = {row.name: row for row in ROWS}
    asked = list(dict.fromkeys(["undisturbed", *names]))
    for name in asked:
        if name not in known:
            raise unknown_name("stress row", name, known)
    return tuple(known[name] for name in asked)


def _occluders(clip: Clip, draw: Draw, *, number: int) -> Clip:
    return occluder.occlude(clip, draw.random, occluders=number, sigma_px=draw.sigma_px)


def _limbs(clip: Clip, draw: Draw, *, frames: tuple[int, int]) -> Clip:
    return occluder.hide_limbs(clip, draw.random, frames=frames, sigma_px=draw.sigma_px)


def _dead(clip: Clip, draw: Draw, *, number: int, since: float = 0.0) -> Clip:
    return cameras.kill_cameras(clip, draw.random, cameras=number, since=since)


def _shifted(clip: Clip, draw: Draw, *, deg: float, mm: float, told: bool) -> Clip:
    return cameras.shift_cameras(clip, draw.random, rotation_deg=deg, translation_m=1e-3 * mm, told=told)


def _frame_sets(clip: Clip, draw: Draw, *, share: float) -> Clip:
    return cameras.drop_frame_sets(clip, draw.random, share=share)


def _single_frames(clip: Clip, draw: Draw, *, share: float) -> Clip:
    return cameras.drop_single_frames(clip, draw.random, share=share)


def _white(clip: Clip, draw: Draw, *, sigmas: float) -> Clip:
    return detector.add_white_noise(clip, draw.random, noise_px=sigmas * draw.sigma_px)


def _slow(clip: Clip, draw: Draw, *, sigmas: float) -> Clip:
    return detector.add_slow_noise(clip, draw.random, noise_px=sigmas * draw.sigma_px)


def _outliers(clip: Clip, draw: Draw, *, share: float) -> Clip:
    return detector.add_outliers(clip, draw.random, share=share, sigma_px=draw.sigma_px)


def _swaps(clip: Clip, draw: Draw, *, share: float) -> Clip:
    return detector.swap_sides(clip, draw.random, share=share)


def _scores(clip: Clip, _draw: Draw, *, score: float) -> Clip:
    return detector.level_scores(clip, score=score)


def _slower(clip: Clip, _draw: Draw, *, rate_hz: float) -> Clip | None:
    factor = round(cameras.frame_rate(clip) / rate_hz)
    return cameras.thin(clip, factor=factor) if factor > 1 else None


def _native(settings: WorldSettings, *, rate_hz: float) -> WorldSettings:
    frames = max(1, round(settings.frames * rate_hz / settings.rate_hz))
    return replace(settings, rate_hz=rate_hz, frames=frames)


def _layout(settings: WorldSettings, *, layout: str) -> WorldSettings:
    return replace(settings, rig=replace(settings.rig, layouts=(layout,)))


def _harder(settings: WorldSettings) -> WorldSettings:
    usual = settings.detector
    lowest, highest = usual.missing_hidden
    harder = replace(
        usual,
        missing_hidden=(0.5 * lowest, 0.5 * highest),
        drift_px=1.5 * usual.drift_px,
        bias_px=1.5 * usual.bias_px,
        slow_px=1.5 * usual.slow_px,
        score_gap=0.6 * usual.score_gap,
    )
    return replace(settings, detector=harder)


def _at_least(clip: Clip, *, views: int) -> bool:
    return int(np.asarray(clip.observations.detected).any(axis=(0, 2)).sum()) >= views


def _has_sides(clip: Clip) -> bool:
    return bool((limb_of_joint(clip.skeleton) >= 0).any())


def _dead_row(number: int, *, later: bool) -> Row:
    return Row(
        name=f"dead_{number}_later" if later else f"dead_{number}",
        title=f"{number} dead camera{'s' if number > 1 else ''}{' from the middle on' if later else ''}",
        disturb=partial(_dead, number=number, since=0.5 if later else 0.0),
        suits=partial(_at_least, views=number + 2),
        draws="dead",
    )


def _shift_row(name: str, *, deg: float, mm: float, told: bool) -> Row:
    return Row(
        name=f"{name}_told" if told else name,
        title=f"cameras shifted {deg:g}° + {mm:g} mm{', told by the rig' if told else ''}",
        disturb=partial(_shifted, deg=deg, mm=mm, told=told),
        draws="shift",
    )


def _rate_row(rate_hz: int) -> Row:
    return Row(
        name=f"rate_{rate_hz}",
        title=f"{rate_hz} Hz",
        disturb=partial(_slower, rate_hz=float(rate_hz)),
        world=partial(_native, rate_hz=float(rate_hz)),
    )


UNDISTURBED = Row(name="undisturbed", title="undisturbed", disturb=lambda clip, draw: clip)
ROWS: tuple[Row, ...] = (
    UNDISTURBED,
    Row(name="occluder", title="a solid moves round", disturb=partial(_occluders, number=1)),
    Row(name="occluders", title="three solids move round", disturb=partial(_occluders, number=3)),
    Row(
        name="limb_hidden",
        title="a limb hidden in all views, 10-60 frames",
        disturb=partial(_limbs, frames=(10, 60)),
    ),
    _dead_row(1, later=False),
    _dead_row(2, later=False),
    _dead_row(1, later=True),
    _dead_row(2, later=True),
    _shift_row("shift_small", deg=0.1, mm=2, told=False),
    _shift_row("shift_small", deg=0.1, mm=2, told=True),
    _shift_row("shift_large", deg=0.3, mm=5, told=False),
    _shift_row("shift_large", deg=0.3, mm=5, told=True),
    Row(name="frame_sets_lost", title="10 % of frame sets lost", disturb=partial(_frame_sets, share=0.1)),
    Row(
        name="frames_lost",
        title="10 % of each camera's frames lost",
        disturb=partial(_single_frames, share=0.1),
    ),
    Row(name="white_noise", title="white noise added, 1.3 sigma", disturb=partial(_white, sigmas=1.3)),
    Row(name="slow_noise", title="slow noise added, 1.2 sigma", disturb=partial(_slow, sigmas=1.2)),
    Row(name="outliers", title="4 % outliers", disturb=partial(_outliers, share=0.04)),
    Row(name="swaps", title="left/right swaps, 5 %", disturb=partial(_swaps, share=0.05), suits=_has_sides),
    Row(name="flat_scores", title="all scores 0.8", disturb=partial(_scores, score=0.8)),
    _rate_row(30),
    _rate_row(60),
    _rate_row(120),
    Row(name="layout_arc", title="layout arc", world=partial(_layout, layout="arc")),
    Row(name="layout_corners", title="layout corners", world=partial(_layout, layout="corners")),
    Row(name="hard_detector", title="harder detector", world=_harder),
)
"""All rows, in the order of the table."""
