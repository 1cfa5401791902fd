"""Run a rig: cameras, detector, reconstructor, pose stream and a view in the browser, until Ctrl-C."""

import argparse
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

from mvmono3d.deploy.engines.load import ENGINES
from mvmono3d.deploy.live.plan import Choice, make_plan
from mvmono3d.deploy.live.supervisor import Supervisor
from mvmono3d.deploy.site.settings import MOST_ACTORS
from mvmono3d.deploy.site.site_file import SHIPPED, read_site
from mvmono3d.errors import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what running a rig takes."""
    add = parser.add_argument
    add("--site", metavar="SITE", help=f"site.yaml, its folder, or a name (default: {SHIPPED})")
    add("--port", type=int, help="of the pose stream (default: the site's)")
    add("--viewer-port", type=int, default=8080, help="of the view in the browser (default %(default)s)")
    add("--no-viewer", action="store_true", help="stream only")
    add("--detector", metavar="WHICH", help="instead of the site's: a folder, a .npz, or truth")
    add(
        "--actors",
        type=int,
        metavar="N",
        help=f"told apart at most, up to {MOST_ACTORS} (default: the site's)",
    )
    add("--seconds", type=float, help="end so long after the first pose (default: with Ctrl-C)")
    add(
        "--home",
        type=Path,
        metavar="FOLDER",
        help="where takes/ and consents/ lie (default: beside the site file; here for a site that ships)",
    )
    add("--engine", choices=ENGINES, default="cpu", help="what the networks run on (default %(default)s)")
    add("--threads", type=int, default=1, help="threads of one graph (default %(default)s)")


def run(chosen: argparse.Namespace) -> int:
    """Run the rig; returns the exit code."""
    for name in ("port", "viewer_port"):
        port = getattr(chosen, name)
        if port is not None and not 0 < port < 65536:
            raise ConfigurationError(f"--{name.replace('_', '-')} {port}, expected 1 to 65535")
    if chosen.actors is not None and not 1 <= chosen.actors <= MOST_ACTORS:
        raise ConfigurationError(f"--actors {chosen.actors}, expected 1 to {MOST_ACTORS}")
    if chosen.seconds is not None and not chosen.seconds > 0:
        raise ConfigurationError(f"--seconds {chosen.seconds}, expected more than 0")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    loaded = read_site(chosen.site or SHIPPED)
    ships = chosen.site is None or not Path(chosen.site).exists()
    choice = Choice(
        port=chosen.port,
        viewer_port=None if chosen.no_viewer else chosen.viewer_port,
        detector=chosen.detector,
        actors=chosen.actors,
        engine=chosen.engine,
        threads=chosen.threads,
        home=chosen.home or (Path.cwd() if ships else None),
    )
    supervisor = Supervisor(make_plan(loaded, choice))

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        supervisor.ask_to_end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return supervisor.run(seconds=chosen.seconds)
