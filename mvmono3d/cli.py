"""`mvmono3d …`: one verb per job; a verb's code is imported when it is called."""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import mvmono3d
from mvmono3d.errors import MissingDependencyError, MVMono3DError, unknown_name

INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A job and the module that does it, with `add_arguments(parser)` and `run(arguments) -> int`."""

    module: str
    help: str
    example: str
    extra: str = "train"
    """Which extra brings packages that the verb may lack."""


VERBS = {
    "reconstruct": Verb(
        module="mvmono3d.pipeline.command",
        help="turn the 2D joints of any recording into 3D",
        example="mvmono3d reconstruct pose/ --rig rig.toml --skeleton body25b --out take.npz --plot plots",
    ),
    "evaluate": Verb(
        module="mvmono3d.evaluation.command",
        help="compare the methods on a recording, with or without the truth",
        example="mvmono3d evaluate detections.npz --rig rig.toml --truth truth.npz --out scores",
    ),
    "export": Verb(
        module="mvmono3d.export.command",
        help="turn a training's checkpoint into a bundle that runs without PyTorch",
        example="mvmono3d export logs/ssl_multiview/best.ckpt --out bundle",
    ),
    "convert": Verb(
        module="mvmono3d.deploy.recording.convert_command",
        help="turn 3D joints into another format (.npz, .trc, .csv), or a recording into PNG or video",
        example="mvmono3d convert take.npz take.trc",
    ),
    "calibrate": Verb(
        module="mvmono3d.deploy.recording.calibrate_command",
        help="turn pictures of a board into a rig, a report, or the reasons why there is none",
        example="mvmono3d calibrate images/ --board board.toml --out rig.toml --report report",
    ),
    "board": Verb(
        module="mvmono3d.calibration.board_command",
        help="print a calibration board in its true size",
        example="mvmono3d board board.toml --pdf board.pdf",
    ),
    "check-rig": Verb(
        module="mvmono3d.calibration.guard_command",
        help="say whether a calibration is still true, and which camera moved",
        example="mvmono3d check-rig rig.toml --detections today.npz --baseline after_calibrating.npz",
    ),
    "record": Verb(
        module="mvmono3d.deploy.recording.record_command",
        help="record what the cameras of a site see, once somebody agreed to it",
        example="mvmono3d record virtual --out takes/first --duration 10",
        extra="rig",
    ),
    "recover": Verb(
        module="mvmono3d.deploy.recording.recover_command",
        help="mend a recording after a crash: keep what is right, say what was lost",
        example="mvmono3d recover takes/2026-11-20",
        extra="rig",
    ),
    "replay": Verb(
        module="mvmono3d.deploy.recording.replay_command",
        help="play a recording in real time, in steps, or as fast as this machine reads",
        example="mvmono3d replay takes/2026-11-20 --pace fast",
        extra="rig",
    ),
    "view": Verb(
        module="mvmono3d.viewer.command",
        help="show a live stream, a recording or a reconstruction in the browser",
        example="mvmono3d view take.npz --rig rig.toml",
        extra="viewer",
    ),
    "doctor": Verb(
        module="mvmono3d.deploy.doctor",
        help="examine this installation, or with --rig cameras, frames, clocks and disk of a site",
        example="mvmono3d doctor",
    ),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mvmono3d: error: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb and return the exit code; an error raised on purpose is one line and code 2."""
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except MVMono3DError as error:
        sys.stderr.write(f"mvmono3d: error: {' '.join(str(error).split())}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.stdout.write(_overview())
        return 0
    if arguments[0] in {"-V", "--version"}:
        sys.stdout.write(f"mvmono3d {mvmono3d.__version__}\n")
        return 0
    name, *rest = arguments
    if name not in VERBS:
        raise unknown_name("verb", name, VERBS)
    verb = VERBS[name]
    module = _load(verb, name)
    parser = _Parser(
        prog=f"mvmono3d {name}",
        description=module.__doc__,
        epilog=f"example:\n  {verb.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    _refuse_unknown_options(rest, parser)
    return module.run(parser.parse_args(rest))


def _load(verb: Verb, name: str) -> Any:
    try:
        return importlib.import_module(verb.module)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in {"", "mvmono3d"}:
            raise
        raise MissingDependencyError(
            f"mvmono3d {name} needs {package}, which is not installed: pip install 'mvmono3d[{verb.extra}]'"
        ) from None


def _overview() -> str:
    lines = [
        "usage: mvmono3d VERB …",
        "",
        "Metric 3D joints with honest uncertainty from triggered cameras.",
        "",
    ]
    for name, verb in VERBS.items():
        lines += [f"  {name:<12} {verb.help}", f"  {'':<12}   {verb.example}"]
    lines += ["", "mvmono3d VERB --help says all about one verb; --version prints the version.", ""]
    return "\n".join(lines)


def _refuse_unknown_options(arguments: list[str], parser: argparse.ArgumentParser) -> None:
    known = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", parser.format_usage())) | {"--help"}
    for argument in arguments:
        if argument == "--":
            return
        option = argument.split("=")[0]
        if option.startswith("--") and option not in known:
            raise unknown_name("option", option, known, where=parser.prog)


if __name__ == "__main__":
    sys.exit(main())
