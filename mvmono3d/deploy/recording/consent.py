"""Whoever is recorded agreed to it, for this purpose and until this day; else nothing is recorded."""

import datetime
from pathlib import Path

import msgspec

from mvmono3d.errors import ConsentError, InvalidFileError


class Consent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who agreed to what; a recording keeps it."""

    subject: str
    """A pseudonym or the number of the signed form, never a name; "nobody" with a reason where no person is
    in view."""
    given_on: datetime.date
    purpose: str
    retain_until: datetime.date
    """The last day on which the recording may exist."""
    withdrawn_on: datetime.date | None = None


class _ConsentFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    consent: Consent


def check_consent(consent: Consent | None, *, purpose: str, today: datetime.date) -> Consent:
    """Return the consent if it covers a recording made today for this purpose; raises `ConsentError`."""
    if consent is None:
        raise ConsentError("no consent: nothing is recorded without one (see docs/privacy.md)")
    for name in ("subject", "purpose"):
        if not getattr(consent, name).strip():
            raise ConsentError(f"the consent's {name!r} is empty")
    if consent.withdrawn_on is not None:
        raise ConsentError(f"the consent of {consent.subject!r} was withdrawn on {consent.withdrawn_on}")
    if consent.given_on > today:
        raise ConsentError(f"the consent of {consent.subject!r} begins on {consent.given_on}, after {today}")
    if consent.retain_until < today:
        raise ConsentError(f"the consent of {consent.subject!r} ended on {consent.retain_until}")
    if consent.purpose.strip().casefold() != purpose.strip().casefold():
        raise ConsentError(f"the consent is for {consent.purpose!r}, this recording for {purpose!r}")
    return consent


def read_consent(path: Path) -> Consent:
    """Read a file with a table `[consent]`; raises `InvalidFileError`."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_ConsentFile).consent
    except FileNotFoundError:
        raise InvalidFileError(f"no consent file {path}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidFileError(f"{path} is not a consent file: {error}") from None
