"""Every frame that was offered is recorded, waiting, or lost for a reason that is counted."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Int


class Column(IntEnum):
    """What is counted, per camera. Each column has one writer, so that no lock is needed."""

    OFFERED = 0
    """By the producer: everything."""
    QUEUE_FULL = 1
    """By the producer: the recorder did not keep up."""
    TOO_LARGE = 2
    """By the producer: an image larger than a slot of the queue."""
    NOT_RECORDING = 3
    """By the producer: after the end, or after the recorder gave up."""
    RECORDER_GONE = 4
    """By the producer: the recorder's process died with these in hand; recovery may find some."""
    RECORDED = 5
    """By the recorder: safe on the disk."""
    DISK_FULL = 6
    """By the recorder: no room; those of a segment that broke may be found by recovery."""
    IO_ERROR = 7
    """By the recorder: a write or a sync failed; recovery may find some."""


LOSSES = (
    Column.QUEUE_FULL,
    Column.TOO_LARGE,
    Column.NOT_RECORDING,
    Column.RECORDER_GONE,
    Column.DISK_FULL,
    Column.IO_ERROR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The ledger at one moment: offered = recorded + waiting + all losses, for every camera."""

    cameras: tuple[str, ...]
    counts: Int[np.ndarray, "camera column"]

    def of(self, column: Column) -> tuple[int, ...]:
        """One column, per camera."""
        return tuple(int(count) for count in self.counts[:, column])

    @property
    def lost(self) -> dict[str, tuple[int, ...]]:
        """Losses per camera, by the causes that took any."""
        return {column.name.lower(): self.of(column) for column in LOSSES if any(self.of(column))}

    @property
    def lost_total(self) -> int:
        """Frames lost, all causes and cameras."""
        return int(self.counts[:, list(LOSSES)].sum())

    @property
    def waiting(self) -> tuple[int, ...]:
        """Frames in the queue, or written but not yet safe, per camera."""
        done = self.counts[:, [Column.RECORDED, *LOSSES]].sum(axis=1)
        return tuple(int(count) for count in self.counts[:, Column.OFFERED] - done)

    def describe(self) -> str:
        """Say it in one line."""
        offered, recorded = sum(self.of(Column.OFFERED)), sum(self.of(Column.RECORDED))
        causes = [f"{sum(counts)} {cause.replace('_', ' ')}" for cause, counts in self.lost.items()]
        return f"{recorded} of {offered} frames recorded, lost: {', '.join(causes) or 'none'}"


class Ledger:
    """The counters themselves, in memory that two processes may share."""

    def __init__(
        self, cameras: tuple[str, ...], counts: Int[np.ndarray, "camera column"] | None = None
    ) -> None:
        self.cameras = cameras
        self.counts = np.zeros((len(cameras), len(Column)), dtype=np.int64) if counts is None else counts

    def count(self, column: Column, camera: int, frames: int = 1) -> None:
        """Add frames to a column."""
        self.counts[camera, column] += frames

    def state(self, column: Column, frames: Int[np.ndarray, " camera"]) -> None:
        """Set a column."""
        self.counts[:, column] = frames

    def account(self) -> Account:
        """Return a copy.

        What was offered is read last: a frame that moves on meanwhile is then waiting, never negative.
        """
        counts = self.counts.copy()
        counts[:, Column.OFFERED] = self.counts[:, Column.OFFERED]
        return Account(cameras=self.cameras, counts=counts)
