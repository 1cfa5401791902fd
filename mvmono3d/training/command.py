"""The command line of a training: errors raised on purpose are one line and an exit code."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mvmono3d.core.resources import resource_folder
from mvmono3d.errors import MVMono3DError
from mvmono3d.training.config_check import check_command_line

_SWEEP = ("-m", "--multirun")


@contextmanager
def errors_as_one_line() -> Iterator[None]:
    """Turn an error raised on purpose into one line on stderr and its exit code."""
    try:
        yield
    except MVMono3DError as error:
        sys.stderr.write(f"train.py: error: {' '.join(str(error).split())}\n")
        raise SystemExit(error.exit_code) from None


def main(task: Callable[[], object], arguments: list[str]) -> None:
    """Check the program's arguments, then hand over to Hydra, which reads `arguments` (sys.argv) again."""
    # Hydra's parser wants all overrides in one piece: -m may then stand anywhere.
    arguments[1:] = sorted(arguments[1:], key=lambda argument: argument not in _SWEEP)
    with errors_as_one_line():
        check_command_line(arguments[1:], folder=resource_folder("conf"))
    task()
