"""Before a WebSocket opens: health, metrics, and who is let in."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol

from mvmono3d.deploy.server.access import Guesses, same_token
from mvmono3d.deploy.server.channel import Topic
from mvmono3d.deploy.server.counts import Counts, prometheus_text
from mvmono3d.deploy.server.settings import ServerSettings, is_loopback
from mvmono3d.deploy.server.wire import Format

TOPICS = {"/": Topic.POSE, "/pose": Topic.POSE, "/cloud": Topic.CLOUD, "/images": Topic.IMAGES}
"""A connection has one topic, so that a pose never waits behind a cloud."""

_BEARER = "mvmono3d.bearer."
_THIS_MACHINE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What `/health` says."""

    status: str
    """`live`, `waiting` (nothing was published yet) or `lost` (the loop is gone)."""
    clients: int
    pose_age_ms: float | None
    """Since the newest pose was published."""


def allowed_origins(settings: ServerSettings) -> list[Origin | re.Pattern[str] | None]:
    """Return which pages may connect: those of this machine, the named ones, and programs (no origin)."""
    return [None, _THIS_MACHINE, *(Origin(origin) for origin in settings.origins)]


def select_format(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Return the first format that the client offers; a bearer token among the offers is none."""
    del connection
    known = [name for name in offered if name in set(Format)]
    return known[0] if known else None


class Gate:
    """Decides on every HTTP request; answers `/health` and `/metrics` itself."""

    def __init__(
        self,
        settings: ServerSettings,
        counts: Counts,
        guesses: Guesses,
        *,
        health: Callable[[], Health],
        gauges: Callable[[], dict[str, float]],
    ) -> None:
        self._settings, self._counts, self._guesses = settings, counts, guesses
        self._health, self._gauges = health, gauges

    def __call__(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return None to open the WebSocket, else the answer."""
        if not self._may_read(connection, request):
            self._counts.refused_unauthorised += 1
            return connection.respond(HTTPStatus.UNAUTHORIZED, "reading needs a token, or another address\n")
        path = urlsplit(request.path).path
        health = self._health()
        if path == "/health":
            status = HTTPStatus.OK if health.status == "live" else HTTPStatus.SERVICE_UNAVAILABLE
            return connection.respond(status, msgspec.json.encode(health).decode() + "\n")
        if path == "/metrics":
            return connection.respond(HTTPStatus.OK, prometheus_text(self._counts, self._gauges()))
        if path not in TOPICS:
            known = ", ".join(TOPICS)
            return connection.respond(HTTPStatus.NOT_FOUND, f"no topic here; known: {known}\n")
        clients = len(connection.server.connections)
        if clients >= self._settings.limits.clients:
            self._counts.refused_full += 1
            return connection.respond(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{clients} clients are connected, no more fit\n"
            )
        if health.status == "waiting":
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "nothing was published yet\n")
        return None

    def _may_read(self, connection: ServerConnection, request: Request) -> bool:
        settings = self._settings
        if is_loopback(settings.host):
            # A page whose name was made to point here can read this machine's ports: its Host betrays it.
            host = urlsplit("//" + (request.headers.get_all("Host") or [""])[0]).hostname
            if not is_loopback(host or ""):
                return False
        if settings.read_token is None:
            return True
        address = address_of(connection)
        if self._guesses.blocked(address):
            return False
        given = _bearer(request)
        if same_token(given, settings.read_token):
            return True
        if given:
            self._guesses.note(address)
        return False


def address_of(connection: ServerConnection) -> str:
    """Return the client's address without its port."""
    address = connection.remote_address
    return str(address[0]) if address else ""


def _bearer(request: Request) -> str | None:
    """Return the token of a request: a header or, because browsers can't set one, an offered subprotocol."""
    for value in request.headers.get_all("Authorization"):
        if value.startswith("Bearer "):
            return value.removeprefix("Bearer ").strip()
    for value in request.headers.get_all("Sec-WebSocket-Protocol"):
        for name in value.split(","):
            if name.strip().startswith(_BEARER):
                return name.strip().removeprefix(_BEARER)
    return None
