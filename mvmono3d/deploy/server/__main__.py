"""`python -m mvmono3d.deploy.server`: hand the pose stream of the loop, or a replayed take, to clients."""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from mvmono3d.deploy.server.access import ensure_token, read_token, token_path
from mvmono3d.deploy.server.channel import DEFAULT_NAME, Publisher
from mvmono3d.deploy.server.service import StreamServer
from mvmono3d.deploy.server.settings import DEFAULT_PORT, ServerSettings
from mvmono3d.errors import ConfigurationError, MissingDependencyError, MVMono3DError

_EXAMPLE = "example: python -m mvmono3d.deploy.server --replay take.npz --rig rig.toml"


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = _settings(chosen)
        with _source(chosen):
            asyncio.run(_serve(settings, chosen.control_token_file, chosen.grpc_port))
    except MVMono3DError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mvmono3d.deploy.server", description=__doc__, epilog=_EXAMPLE
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="under which a loop publishes (%(default)s)")
    parser.add_argument(
        "--replay", type=Path, metavar="NPZ", help="publish this reconstruction, again and again"
    )
    parser.add_argument("--rig", type=Path, metavar="RIG", help="calibration of --replay")
    parser.add_argument("--skeleton", metavar="NAME|YAML", help="of --replay; its own")
    parser.add_argument("--demo", action="store_true", help="publish a hand of the built-in world")
    parser.add_argument(
        "--rate", type=float, metavar="HZ", help="of --replay and --demo (default: as recorded)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port; 0: any (%(default)s)")
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="TLS: needed for any other address")
    parser.add_argument("--key", type=Path, metavar="PEM", help="TLS: the certificate's key")
    parser.add_argument("--read-token-file", type=Path, metavar="FILE", help="who reads must know this token")
    parser.add_argument(
        "--control-token-file",
        type=Path,
        metavar="FILE",
        default=token_path(),
        help="who gives orders must know this token; made where it is missing (%(default)s)",
    )
    parser.add_argument("--grpc-port", type=int, metavar="PORT", help="the same messages over gRPC, too")
    parser.add_argument(
        "--origin", action="append", default=[], help="a web page that may connect, https://…"
    )
    return parser


def _settings(chosen: argparse.Namespace) -> ServerSettings:
    return ServerSettings(
        name=chosen.name,
        host=chosen.host,
        port=chosen.port,
        origins=tuple(chosen.origin),
        control_token=ensure_token(chosen.control_token_file),
        read_token=None if chosen.read_token_file is None else read_token(chosen.read_token_file),
        certificate=chosen.certificate,
        key=chosen.key,
    )


@contextlib.contextmanager
def _source(chosen: argparse.Namespace) -> Iterator[None]:
    """Publish what was asked for in a thread; nothing where a loop of its own publishes."""
    if chosen.rate is not None and not chosen.rate > 0:
        raise ConfigurationError(f"--rate {chosen.rate}, expected more than 0 Hz")
    if chosen.replay is None and not chosen.demo:
        yield
        return
    # Imported here: a server beside a loop needs a third of the memory without them.
    from mvmono3d.deploy.server.convert import hello_message
    from mvmono3d.deploy.server.demo import demo_take, replayed_take
    from mvmono3d.deploy.server.replay import play

    take = demo_take() if chosen.demo else replayed_take(chosen.replay, chosen.rig, chosen.skeleton)
    ended = threading.Event()
    with Publisher(chosen.name, hello_message(take.skeleton, take.rig)) as publisher:
        thread = threading.Thread(
            target=play,
            args=(take.reconstruction, publisher.publish),
            kwargs={"rate_hz": chosen.rate, "stop": ended.is_set},
            daemon=True,
        )
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


async def _serve(settings: ServerSettings, token_file: Path, grpc_port: int | None) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(StreamServer(settings).listening())
        if grpc_port is not None:
            await stack.enter_async_context(_grpc(settings, grpc_port, server))
        scheme = "ws" if settings.certificate is None else "wss"
        address = f"{scheme}://{settings.host}:{server.port}"
        sys.stdout.write(f"{address}  (commands: token in {token_file}; Ctrl-C ends)\n")
        sys.stdout.flush()
        # What was loaded stays; looking through it again and again would cost milliseconds.
        gc.freeze()
        await ended.wait()


def _grpc(
    settings: ServerSettings, port: int, server: StreamServer
) -> contextlib.AbstractAsyncContextManager[int]:
    try:
        from mvmono3d.deploy.server.grpc_service import serving_grpc
    except ModuleNotFoundError:
        raise MissingDependencyError(
            "--grpc-port needs grpcio, which is not installed: pip install 'mvmono3d[grpc]'"
        ) from None
    return serving_grpc(settings, port, server.open_outbox, server.requests)


if __name__ == "__main__":
    sys.exit(main())
