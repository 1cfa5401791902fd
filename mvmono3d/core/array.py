"""Arrays that are numpy on the rig and torch in training.

Annotations read `Float[Array, "*batch view 2"]`: jaxtyping checks dtype and shape of either kind
without importing torch. Code over both kinds asks `namespace(...)` for its functions and stays within
the Python array API standard (https://data-apis.org/array-api/).
"""

from types import ModuleType
from typing import Any, TypeAlias

from array_api_compat import array_namespace, device, is_torch_array

Array: TypeAlias = Any
"""A `numpy.ndarray` or a `torch.Tensor`."""


def namespace(*arrays: Array) -> ModuleType:
    """Return the array API namespace of the arrays; mixing numpy and torch raises `TypeError`."""
    return array_namespace(*arrays)


__all__ = ["Array", "device", "is_torch_array", "namespace"]
