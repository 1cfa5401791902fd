"""Which people and rigs belong to training, validation and test: never the same in two of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.streams import generator


class Split(IntEnum):
    """A part of the world; its value is the remainder of its subjects, rigs and seeds by three."""

    TRAIN = 0
    VAL = 1
    TEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSeeds:
    """What makes one clip of given settings."""

    seed: int
    """Motion, props and detector."""
    subject: int
    """The actor's size and habits."""
    rig_seed: int
    """The rig and its calibration error."""


def split_of(number: int) -> Split:
    """Return the split that a subject, rig or seed belongs to."""
    return Split(number % len(Split))


def clip_seeds(
    split: Split, count: int, *, first: int = 0, subjects: int = 200, rigs: int = 1000
) -> Iterator[ClipSeeds]:
    """Yield the seeds of clips `first` to `first + count` of a split, always the same.

    Each clip takes one of the split's `subjects` and one of its `rigs` at random.
    """
    if subjects < 1 or rigs < 1:
        raise ConfigurationError(f"{subjects} subjects and {rigs} rigs, expected at least one of each")
    parts = len(Split)
    for clip in range(first, first + count):
        draw = generator(clip, f"split {split.name}")
        yield ClipSeeds(
            seed=parts * clip + split,
            subject=parts * int(draw.integers(subjects)) + split,
            rig_seed=parts * int(draw.integers(rigs)) + split,
        )
