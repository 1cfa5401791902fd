"""The data module of a user's own recordings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.datamodule import Augment, ClipDataModule
from mvmono3d.data.recorded import RecordedClips


def recorded_data(
    *,
    skeleton: Skeleton,
    recordings: Sequence[Mapping[str, Any]],
    window_frames: int,
    stride_frames: int,
    gap_s: float,
    cache: Path | str,
    batch_size: int,
    seed: int,
    augment: Augment | None = None,
    workers: int = 0,
    limit_clips: int | None = None,
) -> ClipDataModule:
    """Return batches of windows of recordings; see `RecordedClips` and `ClipDataModule` for the values."""
    source = RecordedClips(
        skeleton=skeleton,
        recordings=recordings,
        window_frames=window_frames,
        stride_frames=stride_frames,
        gap_s=gap_s,
        cache=cache,
    )
    return ClipDataModule(
        source=source,
        batch_size=batch_size,
        seed=seed,
        augment=augment,
        workers=workers,
        limit_clips=limit_clips,
    )
