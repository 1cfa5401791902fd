"""A clip as named arrays, and back: `observations.pixels`, `rig.camera.focal_px`, and so on."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, TypeVar, cast

from mvmono3d.core.array import Array
from mvmono3d.core.camera import Camera
from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Trajectory

RecordType = TypeVar("RecordType", bound=Record)


def named_arrays(record: Record, *, prefix: str = "") -> Iterator[tuple[str, Array]]:
    """Yield every array in a record with its dotted name, in the order of the fields."""
    for field in fields(cast(Any, record)):
        value, name = getattr(record, field.name), f"{prefix}{field.name}"
        if isinstance(value, Record):
            yield from named_arrays(value, prefix=f"{name}.")
        elif hasattr(value, "shape"):
            yield name, value


def clip_from_arrays(
    arrays: dict[str, Array],
    take: Callable[[Array], Array],
    *,
    skeleton: Skeleton,
    names: tuple[str, ...],
) -> Clip:
    """Build the clip whose arrays are `take(array)` of each named array."""
    camera = _record(Camera, "rig.camera", arrays, take)
    return Clip(
        skeleton=skeleton,
        rig=Rig(
            camera=camera,
            camera_from_world=take(arrays["rig.camera_from_world"]),
            pose_sigma=take(arrays["rig.pose_sigma"]),
            names=names,
        ),
        observations=_record(Observations, "observations", arrays, take),
        truth=_record(Trajectory, "truth", arrays, take) if "truth.source" in arrays else None,
        occlusion=_record(OcclusionLabels, "occlusion", arrays, take)
        if "occlusion.state" in arrays
        else None,
    )


def _record(
    kind: type[RecordType], prefix: str, arrays: dict[str, Array], take: Callable[[Array], Array]
) -> RecordType:
    names = (field.name for field in fields(cast(Any, kind)))
    found = {name: arrays[f"{prefix}.{name}"] for name in names if f"{prefix}.{name}" in arrays}
    return kind(**{name: take(array) for name, array in found.items()})
