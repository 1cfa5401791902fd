"""Record what the cameras of a site see, once somebody agreed to it.

SITE is a site.yaml, its folder, or the name of one that ships (virtual). Every frame is recorded or counted
as lost, with the reason. Ctrl-C or SIGTERM end it well, as does --duration or --frames. With --calibration a
board is looked for meanwhile, and what is still missing is said every second.
"""

import argparse
import contextlib
import datetime
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from mvmono3d.calibration.board_file import read_board
from mvmono3d.deploy.capture.handle import start_capture
from mvmono3d.deploy.recording.board_coach import BoardCoach
from mvmono3d.deploy.recording.board_watch import BoardWatch, advice_lines
from mvmono3d.deploy.recording.consent import Consent
from mvmono3d.deploy.recording.consent_dialog import add_consent, consent_of, terminal
from mvmono3d.deploy.recording.recorder import start_recorder
from mvmono3d.deploy.recording.retention import erase
from mvmono3d.deploy.recording.take import Limits, Progress, Take, Taken
from mvmono3d.deploy.recording.take_words import status_line, summary
from mvmono3d.deploy.site.site_file import SHIPPED, LoadedSite, RigNeed, read_site, with_rate
from mvmono3d.deploy.site.wiring import capture_settings, recorder_settings, with_board
from mvmono3d.errors import ConfigurationError

_START_S = 3600.0
"""Cameras that wait for PTP take seconds; a virtual scene that was never rendered, minutes."""
ENDED_EARLY = 1
"""Exit code where a take ended otherwise than it was asked to, or the recorder lost a frame."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "site",
        nargs="?",
        default=SHIPPED,
        metavar="SITE",
        help="site.yaml, its folder, or a name (default virtual)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="a new folder for the recording"
    )
    parser.add_argument(
        "--duration", type=float, metavar="S", help="seconds to record (default: until Ctrl-C)"
    )
    parser.add_argument("--frames", type=int, metavar="N", help="frame sets to record")
    parser.add_argument("--rate", type=float, metavar="HZ", help="trigger rate (default: the site's)")
    parser.add_argument(
        "--encrypt-for",
        action="append",
        default=[],
        metavar="AGE1…",
        help="age public key of who can open it; may be repeated (default: the site's recipients)",
    )
    parser.add_argument(
        "--calibration", action="store_true", help="look for a board and say what is missing; needs no rig"
    )
    parser.add_argument(
        "--board", type=Path, metavar="TOML", help="the board of --calibration (default: the site's)"
    )
    add_consent(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, record, say what was recorded."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    limits = _limits(arguments)
    if arguments.board is not None and not arguments.calibration:
        raise ConfigurationError("--board says what --calibration looks for: give both, or neither")
    loaded = read_site(arguments.site, rig=RigNeed.NEVER if arguments.calibration else RigNeed.IF_NAMED)
    if arguments.rate is not None:
        loaded = with_rate(loaded, arguments.rate)
    coach = None
    if arguments.calibration:
        loaded, coach = with_board(loaded), _coach(loaded, arguments.board)
    consent = consent_of(
        arguments,
        purpose=loaded.site.consent.purpose,
        retain_days=loaded.site.consent.retain_days,
        today=datetime.datetime.now(datetime.UTC).date(),
        ask=terminal(),
    )
    recipients = tuple(arguments.encrypt_for) or loaded.site.recorder.recipients
    taken = _recorded(loaded, consent, arguments.out, recipients=recipients, limits=limits, coach=coach)
    sys.stdout.write(summary(taken, arguments.out))
    if arguments.calibration:
        sys.stdout.write(f"next: mvmono3d calibrate {arguments.out} --board TOML --out rig.toml\n")
    return 0 if taken.ending.wanted and not taken.account.lost_total else ENDED_EARLY


def _coach(loaded: LoadedSite, board: Path | None) -> BoardCoach:
    own = loaded.site.board
    if board is None and own is None:
        raise ConfigurationError(
            f"--calibration needs the board that is shown: --board board.toml, or `board:` in {loaded.path}"
        )
    return BoardCoach(read_board(board or loaded.beside(own or "")), loaded.site.names)


def _limits(arguments: argparse.Namespace) -> Limits:
    for name in ("duration", "frames", "rate"):
        value = getattr(arguments, name)
        if value is not None and not value > 0:
            raise ConfigurationError(f"--{name} {value}, expected more than 0")
    return Limits(duration_s=arguments.duration, sets=arguments.frames)


def _recorded(
    loaded: LoadedSite,
    consent: Consent,
    folder: Path,
    *,
    recipients: tuple[str, ...],
    limits: Limits,
    coach: BoardCoach | None,
) -> Taken:
    # The recorder first, so that no frame comes before it; without cameras nothing of it is left.
    recorder = start_recorder(
        folder,
        cameras=loaded.site.names,
        consent=consent,
        purpose=consent.purpose,
        recipients=recipients,
        rig=loaded.rig_path if loaded.rig is not None else None,
        settings=recorder_settings(loaded.site),
    )
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        capture = start_capture(capture_settings(loaded), timeout_s=_START_S)
    except BaseException:
        recorder.stop()
        erase(folder)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    watch = None if coach is None else BoardWatch(coach)
    try:
        take = Take(
            capture,
            recorder,
            bits=loaded.site.image.bits,
            limits=limits,
            show=None if watch is None else watch.show,
            tell=lambda progress: _tell(progress, watch),
        )
        with _signals(take):
            return take.run()
    finally:
        capture.stop()
        recorder.stop()
        if watch is not None:
            watch.close()


def _tell(progress: Progress, watch: BoardWatch | None) -> None:
    lines = [status_line(progress), *(advice_lines(watch.advice) if watch is not None else [])]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _signals(take: Take) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the take well, and not the process."""

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        take.ask_to_end()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
