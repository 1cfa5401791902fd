"""The methods without learning that everything is compared with."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.evaluation.compare import Method
from mvmono3d.pipeline.classical import reconstruct_dlt, reconstruct_robust
from mvmono3d.pipeline.kalman import reconstruct_kalman
from mvmono3d.pipeline.smoother import reconstruct_map

Classical = Callable[[Observations, Rig, Skeleton], Reconstruction]

BASELINES: Mapping[str, Classical] = MappingProxyType(
    {
        "dlt": reconstruct_dlt,
        "robust": reconstruct_robust,
        "kalman": reconstruct_kalman,
        "map": reconstruct_map,
    }
)
"""By name; `map` alone looks at later frames."""


def on_clips(method: Classical) -> Method:
    """Return the method as `compare` takes it."""
    return lambda clip: method(clip.observations, clip.rig, clip.skeleton)


def baselines() -> dict[str, Method]:
    """Return all of them as `compare` takes them."""
    return {name: on_clips(method) for name, method in BASELINES.items()}
