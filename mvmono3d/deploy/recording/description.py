"""`recording.toml`: what a folder holds, under which consent, and how its recording ended."""

import datetime
import os
from pathlib import Path

import msgspec

from mvmono3d.core.schema import SCHEMA_VERSION, atomic_write, check_schema
from mvmono3d.deploy.recording.consent import Consent
from mvmono3d.deploy.recording.frame_header import SESSION_BYTES
from mvmono3d.deploy.recording.seal import CIPHER, Seal, unwrapped
from mvmono3d.errors import InvalidFileError, InvalidRecordError, RecordingKeyError

DESCRIPTION = "recording.toml"
_LARGEST_BYTES = 1 << 20


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    # TOML has no null: what is absent isn't written.
    pass


class Encryption(_Table, frozen=True):
    """How the pixels are encrypted, and for whom."""

    cipher: str
    recipients: tuple[str, ...]
    wrapped_key: str
    """The recording's key, encrypted to the recipients by age; base64."""


class Ending(_Table, frozen=True):
    """What became of every frame that was offered, per camera in the recording's order."""

    at: datetime.datetime
    offered: tuple[int, ...]
    recorded: tuple[int, ...]
    lost: dict[str, tuple[int, ...]]
    """By cause; only causes that took a frame."""


class Description(_Table, frozen=True):
    """What `recording.toml` says."""

    schema: int
    session: str
    """Drawn at random for this recording; hexadecimal."""
    created: datetime.datetime
    cameras: tuple[str, ...]
    consent: Consent
    encryption: Encryption | None = None
    ending: Ending | None = None
    """Absent while recording, and after a crash."""

    @property
    def session_bytes(self) -> bytes:
        """The session as frames carry it."""
        return bytes.fromhex(self.session)

    def seal(self, identity: str | None, *, where: str) -> Seal | None:
        """Return what opens the pixels: None where they are open or no identity is given."""
        if self.encryption is None or identity is None:
            return None
        if self.encryption.cipher != CIPHER:
            raise RecordingKeyError(f"{where}: cipher {self.encryption.cipher!r}, expected {CIPHER!r}")
        return unwrapped(self.encryption.wrapped_key, identity, where=where)


def new_description(
    cameras: tuple[str, ...],
    consent: Consent,
    *,
    seal: Seal | None = None,
    recipients: tuple[str, ...] = (),
    now: datetime.datetime,
) -> Description:
    """Describe a recording that begins now; raises `InvalidRecordError` for camera names of no use."""
    if not cameras or len(set(cameras)) != len(cameras):
        raise InvalidRecordError(f"expected different names of at least one camera, got {list(cameras)}")
    unfit = [name for name in cameras if not name or name != Path(name).name or name.startswith(".")]
    if unfit:
        raise InvalidRecordError(f"cameras name folders and topics; {unfit} can't")
    encryption = None
    if seal is not None:
        encryption = Encryption(cipher=CIPHER, recipients=recipients, wrapped_key=seal.wrapped(recipients))
    return Description(
        schema=SCHEMA_VERSION,
        session=os.urandom(SESSION_BYTES).hex(),
        created=now.replace(microsecond=0),
        cameras=cameras,
        consent=consent,
        encryption=encryption,
    )


def write_description(folder: Path, description: Description) -> None:
    """Write `recording.toml`: whole, durable, or not at all."""
    with atomic_write(folder / DESCRIPTION) as file:
        file.write(msgspec.toml.encode(description))


def read_description(folder: Path) -> Description:
    """Read `recording.toml`; raises `InvalidFileError` where it is missing, broken or of another version."""
    path = folder / DESCRIPTION
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
        if len(content) > _LARGEST_BYTES:
            raise InvalidFileError(f"{path}: more than {_LARGEST_BYTES} bytes")
        check_schema(msgspec.toml.decode(content, type=_Version).schema, where=str(path))
        description = msgspec.toml.decode(content, type=Description)
    except FileNotFoundError:
        raise InvalidFileError(f"{folder} is not a recording: it has no {DESCRIPTION}") from None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is not readable: {error}") from None
    _check(description, path)
    return description


class _Version(msgspec.Struct, frozen=True):
    schema: int


def _check(description: Description, path: Path) -> None:
    try:
        fits = len(description.session_bytes) == SESSION_BYTES
    except ValueError:
        fits = False
    if not fits:
        raise InvalidFileError(f"{path}: session {description.session!r}, expected {SESSION_BYTES} bytes")
    if any(name != Path(name).name or name in {"", ".", ".."} for name in description.cameras):
        raise InvalidFileError(f"{path}: a camera's name is no name: {list(description.cameras)}")
