"""What the server counts, and how Prometheus reads it."""

from dataclasses import dataclass, fields


@dataclass(slots=True, kw_only=True)
class Counts:
    """Since the server began."""

    connections: int = 0
    """Clients that were let in."""
    refused_full: int = 0
    refused_unauthorised: int = 0
    """Connections without the read token, or from a page or host that is not allowed."""
    handshakes_failed: int = 0
    """Half open, not HTTP, or not a WebSocket."""
    poses_published: int = 0
    poses_sent: int = 0
    bytes_sent: int = 0
    clients_cut: int = 0
    """Clients that took nothing for too long."""
    malformed: int = 0
    commands_accepted: int = 0
    commands_unauthorised: int = 0
    commands_unavailable: int = 0
    uncaught: int = 0
    """Errors that nobody expected: each is a bug."""


def prometheus_text(counts: Counts, gauges: dict[str, float]) -> str:
    """Return counts and gauges in Prometheus' text format."""
    lines: list[str] = []
    for field in fields(counts):
        name = f"mvmono3d_stream_{field.name}_total"
        lines += [f"# TYPE {name} counter", f"{name} {getattr(counts, field.name)}"]
    for key, value in gauges.items():
        lines += [f"# TYPE mvmono3d_stream_{key} gauge", f"mvmono3d_stream_{key} {value:.6g}"]
    return "\n".join(lines) + "\n"
