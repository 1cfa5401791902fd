"""A million trigger pulses through every fault: no mixed set, none missed, every frame accounted for.

`python -m tests.benchmarks.sync_million [--pulses N]` prints a table and fails if a promise is broken.
"""

import argparse
import sys
from collections import Counter

from tests.benchmarks.machine import commit, processor
from tests.deploy.sync.replay import replay, truly_complete
from tests.deploy.sync.scenarios import SCENARIOS, Scenario

CHUNK = 25_000
HEAD = ("scenario", "pulses", "complete", "truth", "missing", "mixed", "unbalanced", "us per set", "lost")


def measure(scenario: Scenario, pulses: int) -> tuple[list[str], bool]:
    """Return the row of a scenario and whether it keeps its promises."""
    total: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    for seed, start in enumerate(range(0, pulses, CHUNK)):
        world = scenario.make(min(CHUNK, pulses - start), seed=seed)
        verdict = replay(world, audit_every=50, **scenario.settings)
        truth = truly_complete(world)
        faults = world.faults
        total += Counter(
            complete=len(verdict.complete), truth=len(truth), missing=len(truth - verdict.complete),
            mixed=len(verdict.mixed) + verdict.repeated + verdict.disordered + len(verdict.complete - truth),
            unbalanced=verdict.unbalanced, spent_ns=verdict.spent_ns, sets=verdict.sets,
            forgiven=scenario.forgiven * (len(faults.steps) + len(faults.resets) + len(faults.outages)),
        )  # fmt: skip
        causes.update({cause.value: count for cause, count in verdict.causes.items()})
    sound = not total["mixed"] and not total["unbalanced"] and total["missing"] <= total["forgiven"]
    row = [scenario.name, str(pulses), *(str(total[name]) for name in HEAD[2:7])]
    lost = ", ".join(f"{name} {count}" for name, count in sorted(causes.items()))
    return [*row, f"{total['spent_ns'] / max(total['sets'], 1) / 1e3:.1f}", lost], sound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pulses", type=int, default=1_000_000, help="in all scenarios together")
    pulses = parser.parse_args().pulses // len(SCENARIOS)
    sys.stdout.write(f"{processor()}, {commit('mvmono3d/deploy/sync')}\n\n| {' | '.join(HEAD)} |\n")
    sys.stdout.write("|" + "---|" * len(HEAD) + "\n")
    sound = True
    for scenario in SCENARIOS:
        row, kept = measure(scenario, pulses)
        sys.stdout.write(f"| {' | '.join(row)} |{'' if kept else '  BROKEN'}\n")
        sys.stdout.flush()
        sound &= kept
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
