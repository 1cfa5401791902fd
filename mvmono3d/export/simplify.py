"""Make a graph of fixed shapes smaller and faster; nothing changes a number beyond its last digit.

Engines optimise further when they load. What is here they don't do: they keep each reshape, and they pay for
each node as for arithmetic.
"""

import onnx_ir
from onnx_ir.passes import common

from mvmono3d.export.batch import drop_batch
from mvmono3d.export.products import prefer_products
from mvmono3d.export.views import merge_views


def simplify(model: onnx_ir.Model) -> None:
    """Merge what is computed twice or only gives another shape, in place; a second time changes little."""
    once = (common.CommonSubexpressionEliminationPass(), common.RemoveUnusedNodesPass())
    tidy = (
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        *once,
    )
    for each in tidy:
        each(model)
    prefer_products(model)
    merge_views(model)
    drop_batch(model)
    merge_views(model)
    for each in once:
        each(model)
