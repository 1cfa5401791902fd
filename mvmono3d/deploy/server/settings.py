"""How the server listens, and what it allows."""

import ipaddress
import ssl
from pathlib import Path

import msgspec

from mvmono3d.errors import ConfigurationError

DEFAULT_PORT = 8787


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may take; measured in `docs/benchmarks/stream.md`."""

    clients: int = 64
    message_bytes: int = 1 << 16
    """Of a client's message; a larger one closes the connection (1009)."""
    queued_frames: int = 4
    """Of a client, before the server stops reading from it."""
    open_s: float = 4.0
    """For a handshake; the library takes some more to close what is half open."""
    send_s: float = 2.0
    """A client that takes nothing for this long is cut."""
    send_bytes: int = 1 << 14
    """Buffer of the kernel per client: what lies there grows old."""
    errors: int = 10
    """Refused messages before the connection is closed (1008)."""
    messages_per_s: float = 250.0
    """Of one client; twice as many at once. Faster ones are closed (1008)."""
    commands_per_s: float = 5.0
    """Of one client; twice as many at once. More are refused."""
    wrong_tokens: int = 5
    """Per address and minute; then no command of the address is heard for the rest of it."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens and whom it trusts.

    Raises:
        ConfigurationError: if it would listen beyond this machine without TLS and a read token.
    """

    name: str = "live"
    """Under which the loop publishes."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: any that is free."""
    origins: tuple[str, ...] = ()
    """Web pages that may connect, beside those of this machine: "https://lab.example"."""
    control_token: str | None = None
    """Without one every command is refused."""
    read_token: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ConfigurationError("TLS needs both a certificate and its key")
        if not is_loopback(self.host) and (self.certificate is None or not self.read_token):
            raise ConfigurationError(
                f"host {self.host!r} can be reached from other machines: expected --certificate, --key and "
                "--read-token-file; or keep 127.0.0.1 and use ssh -L"
            )
        for name, token in (("control", self.control_token), ("read", self.read_token)):
            if token is not None and len(token) < 16:
                raise ConfigurationError(f"{name} token of {len(token)} characters, expected 16 or more")
        if self.control_token is not None and self.control_token == self.read_token:
            raise ConfigurationError("control and read token are the same: a reader could give orders")

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The context of TLS, where it is on; raises `ConfigurationError` where the files don't fit."""
        if self.certificate is None or self.key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            raise ConfigurationError(f"certificate {self.certificate} with key {self.key}: {error}") from None
        return context


def is_loopback(host: str) -> bool:
    """Say whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
