"""Measure what calibration reaches: `python -m tests.benchmarks.calibration.bench [--only PART ...]`.

Writes calibration.md and calibration.csv. The CSV keeps every case: a run that was cut off goes on where it
stopped, and parts that aren't run stay as they are. A part that other code measured is measured anew.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.calibration.bars import reached
from tests.benchmarks.calibration.page import write_page
from tests.benchmarks.calibration.parts import PARTS, QUICK, Amount
from tests.benchmarks.calibration.store import read_results
from tests.benchmarks.machine import ROOT

PAGES = ROOT / "docs" / "benchmarks"
TRIAL = ROOT / "build" / "benchmarks"


def measure(part, results, amount, *, until, keep, say):
    """Measure the cases of a part that aren't known yet, until the time is up."""
    why = part.missing()
    if why is not None:
        say(f"{part.name}: {why}")
        return
    results.begin(part.name, keep=keep)
    cases = part.cases(amount)
    open_cases = [case for case in cases if case not in results.of(part.name)]
    say(f"{part.name}: {len(open_cases)} of {len(cases)} cases to measure")
    for case in open_cases:
        if time.monotonic() > until:
            say(f"{part.name}: time is up")
            return
        results.add(part.name, case, cases[case]())
        say(f"  {part.name} {case}")


def run(arguments, *, say):
    """Measure, and write the page after each part."""
    results = read_results(arguments.out / "calibration.csv")
    until = time.monotonic() + 60.0 * arguments.minutes
    arguments.out.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if part.name in arguments.only:
            measure(part, results, arguments.amount, until=until, keep=arguments.keep, say=say)
            write_page(arguments.out / "calibration.md", results, arguments.amount)
    results.write()
    write_page(arguments.out / "calibration.md", results, arguments.amount)
    return results


def read_arguments(given=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names, usual = [part.name for part in PARTS], Amount()
    add = parser.add_argument
    add("--out", type=Path, help="folder of page and CSV (docs/benchmarks; with --quick build/benchmarks)")
    add("--only", nargs="*", choices=names, default=names, help="parts to run; none: write the page alone")
    add("--minutes", type=float, default=float("inf"), help="begin no case after that")
    add("--keep", action="store_true", help="go on with parts that other code began; the page says so")
    add("--quick", action="store_true", help="a few small cases: does it all run?")
    for name in ("seeds", "runs", "sets", "trials", "hours"):
        add(f"--{name}", type=int, help=f"(default: {getattr(usual, name)})")
    arguments = parser.parse_args(given)
    chosen = {name: getattr(arguments, name) for name in ("seeds", "runs", "sets", "trials", "hours")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    arguments.amount = replace(QUICK if arguments.quick else usual, **chosen)
    arguments.out = arguments.out or (TRIAL if arguments.quick else PAGES)
    return arguments


def main():
    arguments = read_arguments()
    results = run(arguments, say=_say)
    missed = sum(each.verdict == "**NOT MET**" for each in reached(results, arguments.amount))
    _say(f"wrote {arguments.out / 'calibration.md'}: {missed} bars not met")


def _say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
