"""What a site means as processes: which there are, and what each of them is told."""

import importlib.util
import socket
from dataclasses import dataclass
from pathlib import Path

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.cloud.orders import CloudOrder
from mvmono3d.deploy.detect.process import DetectOrder
from mvmono3d.deploy.detect.source import DetectorSource, NetworkSource, RecordedSource, TruthSource
from mvmono3d.deploy.live.child import Part
from mvmono3d.deploy.live.orders import GuardOrder, TakingOrder
from mvmono3d.deploy.loop.orders import LoopOrder
from mvmono3d.deploy.released import released_bundle
from mvmono3d.deploy.server.settings import is_loopback
from mvmono3d.deploy.site.settings import PointCloud
from mvmono3d.deploy.site.site_file import LoadedSite
from mvmono3d.deploy.site.wiring import capture_settings, recorder_settings, server_settings
from mvmono3d.errors import ConfigurationError, MissingDependencyError

TRUTH = "truth"
DETECTOR, LOOP, SERVER, VIEWER, GUARD, RECORDER = "detector", "loop", "server", "viewer", "guard", "recorder"
CLOUD = "cloud"
_TIED = "mvmono3d.deploy.live.tied"
_REHEARSAL = "rehearsal: the detector knows the virtual rig's truth, and only pretends to look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rig's processes."""

    capture: CaptureSettings
    parts: tuple[Part, ...]
    """In the order in which they start; the detector waits for the cameras where `late` says so."""
    late: tuple[str, ...]
    url: str
    taking: TakingOrder
    """How takes are recorded; folder, consent and purpose come with the command."""
    home: Path
    """Where `takes` and `consents` lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the command line adds to a site."""

    port: int | None = None
    viewer_port: int | None = 8080
    """`None`: no viewer."""
    detector: str | None = None
    """Instead of the site's."""
    actors: int | None = None
    """The same."""
    engine: str = "cpu"
    threads: int = 1
    home: Path | None = None
    """Folder of `takes` and `consents`; `None`: the site's."""


def make_plan(loaded: LoadedSite, choice: Choice) -> Plan:
    """Return the processes of a site.

    Raises `ConfigurationError` and `InvalidFileError` with what is missing and what would help, before
    anything starts.
    """
    _need("websockets", "stream")
    capture = capture_settings(loaded)
    source = _detector(loaded, choice, capture)
    port = choice.port or loaded.site.server.port
    _check_port(loaded.site.server.address, port, option="--port")
    parts = [
        _server(loaded, port),
        Part(name=LOOP, module="mvmono3d.deploy.loop.process", order=_loop_order(loaded, choice, source)),
        Part(
            name=DETECTOR,
            module="mvmono3d.deploy.detect.process",
            order=DetectOrder(
                name=capture.ring,
                source=source,
                skeleton=_skeleton(loaded),
                bits=loaded.site.image.bits,
                cameras=loaded.site.names,
                several=_actors(loaded, choice) > 1,
            ),
        ),
    ]
    parts.append(_guard(loaded, choice))
    if loaded.site.cloud is not None:
        parts.append(_cloud(loaded, loaded.site.cloud))
    url = _url(loaded, port)
    if choice.viewer_port is not None:
        _need("viser", "viewer", or_else="--no-viewer")
        _check_port("127.0.0.1", choice.viewer_port, option="--viewer-port")
        parts.append(_viewer(loaded, url, choice.viewer_port))
    late = (DETECTOR,) if isinstance(source, TruthSource) else ()
    return Plan(
        capture=capture,
        parts=tuple(parts),
        late=late,
        url=url,
        taking=_taking(loaded, capture),
        home=choice.home or loaded.path.parent,
    )


def _url(loaded: LoadedSite, port: int) -> str:
    """Return where this machine's own programs reach the stream; its certificate must name that host."""
    server = loaded.site.server
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(server.address, server.address)
    return f"{'ws' if server.certificate is None else 'wss'}://{host}:{port}"


def _guard(loaded: LoadedSite, choice: Choice) -> Part:
    order = GuardOrder(
        name=loaded.site.ring.name, rig=str(loaded.rig_path), home=str(choice.home or loaded.path.parent)
    )
    return Part(name=GUARD, module="mvmono3d.deploy.live.guarding", order=order)


def _cloud(loaded: LoadedSite, settings: PointCloud) -> Part:
    order = CloudOrder(
        name=loaded.site.ring.name, rig=str(loaded.rig_path), bits=loaded.site.image.bits, settings=settings
    )
    return Part(name=CLOUD, module="mvmono3d.deploy.cloud.process", order=order)


def _taking(loaded: LoadedSite, capture: CaptureSettings) -> TakingOrder:
    return TakingOrder(
        ring=capture.ring,
        folder="",
        cameras=loaded.site.names,
        bits=loaded.site.image.bits,
        consent="",
        purpose="",
        rig=None if loaded.rig_path is None else str(loaded.rig_path),
        recipients=loaded.site.recorder.recipients,
        settings=recorder_settings(loaded.site),
        skeleton=_skeleton(loaded),
    )


def _loop_order(loaded: LoadedSite, choice: Choice, source: DetectorSource) -> LoopOrder:
    own = loaded.site.bundle
    skeleton = load_skeleton(_skeleton(loaded))
    bundle = released_bundle(skeleton) if own is None else loaded.beside(own)
    return LoopOrder(
        name=loaded.site.ring.name,
        rig=str(loaded.rig_path),
        skeleton=_skeleton(loaded),
        bundle=None if bundle is None else str(bundle),
        engine=choice.engine,
        threads=choice.threads,
        actors=_actors(loaded, choice),
        notes=(_REHEARSAL,) if isinstance(source, TruthSource) else (),
    )


def _detector(loaded: LoadedSite, choice: Choice, capture: CaptureSettings) -> DetectorSource:
    named = choice.detector or loaded.site.detector
    if named == TRUTH:
        if not isinstance(capture.source, VirtualSource):
            raise ConfigurationError(
                f"{loaded.path}: detector: {TRUTH} is for virtual cameras; nobody knows the truth of "
                f"backend kind {loaded.site.backend.__struct_config__.tag}: name a network's folder"
            )
        return TruthSource(
            source=capture.source,
            rate_hz=capture.cameras.rate_hz,
            exposure_ns=capture.cameras.lighting.exposure_ns,
        )
    path = _released(loaded) if named is None else _path(loaded, named)
    if path.suffix == ".npz":
        return RecordedSource(path=str(path), views=loaded.site.names)
    return NetworkSource(folder=str(path), engine=choice.engine, threads=choice.threads)


def _actors(loaded: LoadedSite, choice: Choice) -> int:
    return choice.actors or loaded.site.actors


def _path(loaded: LoadedSite, name: str) -> Path:
    path = loaded.beside(name)
    if not path.exists():
        raise ConfigurationError(
            f"{loaded.path}: no detector {path}; expected {TRUTH!r} (rehearsals on virtual cameras), a "
            "network's folder or file, or a .npz of detections"
        )
    return path.resolve()


def _released(loaded: LoadedSite) -> Path:
    try:
        from mvmono3d.deploy.detect.network import released_detector
    except ImportError:
        found = None
    else:
        found = released_detector(load_skeleton(_skeleton(loaded)))
    if found is None:
        raise ConfigurationError(
            f"{loaded.path}: no detector for skeleton {loaded.site.skeleton!r} ships; name a network's "
            f"folder (`detector:`), or rehearse on virtual cameras with --detector {TRUTH}"
        )
    return found


def _skeleton(loaded: LoadedSite) -> str:
    name = loaded.site.skeleton
    return str(loaded.beside(name).resolve()) if Path(name).suffix in {".yaml", ".yml"} else name


def _server(loaded: LoadedSite, port: int) -> Part:
    server = loaded.site.server
    # Refused here already where it would not be safe.
    read_token = None if server.read_token_file is None else "x" * 16
    server_settings(loaded, control_token=None, read_token=read_token)
    arguments = ["--name", loaded.site.ring.name, "--host", server.address, "--port", str(port)]
    for option, name in (
        ("--certificate", server.certificate),
        ("--key", server.key),
        ("--read-token-file", server.read_token_file),
    ):
        arguments += [] if name is None else [option, str(loaded.beside(name))]
    for origin in server.origins:
        arguments += ["--origin", origin]
    return Part(name=SERVER, module=_TIED, arguments=("mvmono3d.deploy.server", *arguments))


def _viewer(loaded: LoadedSite, url: str, port: int) -> Part:
    server = loaded.site.server
    arguments = ["view", url, "--port", str(port)]
    for option, name in (
        ("--certificate", server.certificate),
        ("--read-token-file", server.read_token_file),
    ):
        arguments += [] if name is None else [option, str(loaded.beside(name))]
    return Part(name=VIEWER, module=_TIED, arguments=("mvmono3d.cli", *arguments))


def _need(package: str, extra: str, *, or_else: str = "") -> None:
    if importlib.util.find_spec(package) is None:
        other = f", or use {or_else}" if or_else else ""
        raise MissingDependencyError(f"{package} is not installed: pip install 'mvmono3d[{extra}]'{other}")


def _check_port(address: str, port: int, *, option: str) -> None:
    """Raise `ConfigurationError` where somebody listens there already."""
    if not is_loopback(address):
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port}: {error.strerror}; end what listens there, or choose another {option}"
            ) from None
