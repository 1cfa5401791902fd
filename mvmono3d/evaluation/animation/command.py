"""The part of `mvmono3d evaluate` that `--animate` adds."""

import argparse
from collections.abc import Mapping

from mvmono3d.core.clip import Clip
from mvmono3d.evaluation.animation.movie import animate
from mvmono3d.evaluation.compare import Method
from mvmono3d.evaluation.stress.replay import seed_of_take
from mvmono3d.evaluation.stress.rows import rows_named
from mvmono3d.evaluation.stress.takes import Take, noise_px, undisturbed


def animate_take(take: Take, methods: Mapping[str, Method], *, arguments: argparse.Namespace) -> None:
    """Run the methods on a take and draw them moving; with --stress under the last row that was named."""
    clip, happened = _disturbed(take, arguments)
    what = f"{clip.skeleton.name}, {len(clip.rig.names)} cameras"
    title = f"{what}, {happened}" if happened else what
    animate(arguments.animate, clip, {name: method(clip) for name, method in methods.items()}, title=title)


def _disturbed(take: Take, arguments: argparse.Namespace) -> tuple[Clip, str]:
    plain = take if isinstance(take, Clip) else take.clip(take.settings)
    if not arguments.stress or not arguments.rows:
        return plain, ""
    row = rows_named(arguments.rows)[-1]
    clip = undisturbed(take)
    changed = row.replay(take, clip, sigma_px=noise_px(clip), seed=seed_of_take(arguments.seed, 0))
    return (plain, "") if changed is None else (changed, row.title)
