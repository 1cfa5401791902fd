"""Show a live pose stream, a recording or a reconstruction in the browser, or write it as one HTML page."""

import argparse
import socket
import sys
from pathlib import Path

import viser

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.recording.seal import read_identity
from mvmono3d.deploy.server.access import read_token, token_path
from mvmono3d.errors import ConfigurationError
from mvmono3d.viewer.live import Access, LiveView
from mvmono3d.viewer.playback import Playback
from mvmono3d.viewer.take import open_take

_DEFAULT_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("source", metavar="SOURCE", help="ws://…, a folder with recording.toml, or a .npz")
    parser.add_argument("--rig", type=Path, metavar="RIG", help="calibration of a .npz: draws its cameras")
    parser.add_argument("--skeleton", metavar="NAME|YAML", help="of a file; what it says itself")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="age identity, if encrypted")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write a page instead of opening a port")
    parser.add_argument(
        "--seconds", type=float, help="end after this long; of --html how much it plays (default 10)"
    )
    parser.add_argument("--port", type=int, default=8080, help="on this machine only (%(default)s)")
    parser.add_argument(
        "--control-token-file",
        type=Path,
        metavar="FILE",
        help=f"allows to drag the region of interest (where it exists: {token_path()})",
    )
    parser.add_argument("--read-token-file", type=Path, metavar="FILE", help="of a stream of another machine")
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="of a wss:// server, if self-signed")


def run(arguments: argparse.Namespace) -> int:
    """Show it until Ctrl-C, or write the page."""
    if arguments.seconds is not None and not arguments.seconds > 0:
        raise ConfigurationError(f"--seconds {arguments.seconds}, expected more than 0")
    server = _server(0 if arguments.html is not None else arguments.port)
    try:
        if arguments.source.startswith(("ws://", "wss://")):
            _live(server, arguments)
        else:
            _file(server, arguments)
    finally:
        server.stop()
    return 0


def _server(port: int) -> viser.ViserServer:
    """Listen on this machine only; viser itself would take another port without a word."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(f"port {port}: {error.strerror}; choose another --port") from None
        port = probe.getsockname()[1]
    server = viser.ViserServer(host="127.0.0.1", port=port, label="MVMono3D", verbose=False)
    server.gui.configure_theme(show_share_button=False, show_logo=False)
    return server


def _live(server: viser.ViserServer, arguments: argparse.Namespace) -> None:
    view = LiveView(
        server,
        Access(
            url=arguments.source,
            control_token=_control_token(arguments.control_token_file),
            read_token=None if arguments.read_token_file is None else read_token(arguments.read_token_file),
            certificate=arguments.certificate,
        ),
    )
    if arguments.html is None:
        _say(server)
        view.run(seconds=arguments.seconds)
        return
    recorder = server.get_scene_serializer()
    previous: list[int] = []

    def remember(published_ns: int) -> None:
        recorder.insert_sleep(max(0.0, (published_ns - previous[-1]) * 1e-9) if previous else 0.0)
        previous.append(published_ns)

    view.run(seconds=arguments.seconds or _DEFAULT_SECONDS, seen=lambda frame: remember(frame.published_ns))
    _write(arguments.html, recorder.as_html())


def _file(server: viser.ViserServer, arguments: argparse.Namespace) -> None:
    take = open_take(
        Path(arguments.source),
        rig=arguments.rig,
        skeleton=arguments.skeleton,
        identity=None if arguments.identity is None else read_identity(arguments.identity),
    )
    playback = Playback(server, take)
    if arguments.html is not None:
        _write(arguments.html, playback.html(seconds=arguments.seconds or _DEFAULT_SECONDS))
        return
    _say(server)
    playback.run(seconds=arguments.seconds)


def _control_token(path: Path | None) -> str | None:
    """Return the named token, or this user's own where there is one: without it the viewer only shows."""
    if path is not None:
        return read_token(path)
    return read_token(token_path()) if token_path().is_file() else None


def _say(server: viser.ViserServer) -> None:
    sys.stdout.write(f"http://127.0.0.1:{server.get_port()}  (Ctrl-C ends)\n")
    sys.stdout.flush()


def _write(path: Path, page: str) -> None:
    with atomic_write(path) as file:
        file.write(page.encode())
    sys.stdout.write(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)\n")
